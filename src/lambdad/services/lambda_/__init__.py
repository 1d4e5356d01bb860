"""AWS Lambda's control plane: the dispatch table of its operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.lambda_ import aliases, functions, invoke, versions
from lambdad.services.lambda_.code_links import download
from lambdad.services.lambda_.code_removal import remove_forever
from lambdad.services.lambda_.control_plane import ControlPlane, ObjectStore
from lambdad.services.lambda_.taking_effect import resume

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]


# Every file of operations.
_RESOURCES = (aliases, functions, invoke, versions)


def operations(control: ControlPlane) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {
        ("lambda", operation): partial(run, control)
        for resource in _RESOURCES
        for operation, run in resource.OPERATIONS.items()
    }


__all__ = [
    "ControlPlane",
    "ObjectStore",
    "Operation",
    "download",
    "operations",
    "remove_forever",
    "resume",
]
