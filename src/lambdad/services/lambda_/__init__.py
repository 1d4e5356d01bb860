"""AWS Lambda's control plane: the dispatch table of its operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.lambda_ import (
    aliases,
    functions,
    invoke,
    layer_permissions,
    permissions,
    resource_policies,
    versions,
)
from lambdad.services.lambda_.authorization import authorized
from lambdad.services.lambda_.code_links import download
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.taking_effect import resume

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]


# Every file of operations.
_RESOURCES = (
    aliases,
    functions,
    invoke,
    layer_permissions,
    permissions,
    resource_policies,
    versions,
)


def operations(control: ControlPlane) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs, for those who may."""
    return {
        ("lambda", operation): partial(_perform, control, run)
        for resource in _RESOURCES
        for operation, run in resource.OPERATIONS.items()
    }


def _perform(
    control: ControlPlane,
    run: Callable[..., Awaitable[Mapping[str, Any]]],
    context: RequestContext,
    request: dict[str, Any],
) -> Awaitable[Mapping[str, Any]]:
    return run(control, authorized(control, context, request), request)


__all__ = ["ControlPlane", "Operation", "download", "operations", "resume"]
