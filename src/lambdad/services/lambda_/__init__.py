"""AWS Lambda's control plane: the dispatch table of its operations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.lambda_ import (
    account,
    aliases,
    capacity_providers,
    code_signing,
    concurrency,
    durable_executions,
    event_invoke_configs,
    event_source_mappings,
    function_urls,
    functions,
    invoke,
    invoke_async,
    layer_permissions,
    layers,
    mapping_transitions,
    permissions,
    provisioned_concurrency,
    recursion,
    resource_policies,
    response_stream,
    runtime_management,
    scaling_config,
    tags,
    taking_effect,
    versions,
)
from lambdad.services.lambda_.authorization import authorized
from lambdad.services.lambda_.code_links import download
from lambdad.services.lambda_.code_removal import remove_forever
from lambdad.services.lambda_.control_plane import ControlPlane, ObjectStore, machine_architecture
from lambdad.services.lambda_.event_routes import event_routes
from lambdad.services.lambda_.event_targets import find_target
from lambdad.services.lambda_.runtime_routes import runtime_routes
from lambdad.services.lambda_.url_requests import answer_url

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]

# Every file of operations.
_RESOURCES = (
    account,
    aliases,
    capacity_providers,
    code_signing,
    concurrency,
    durable_executions,
    event_invoke_configs,
    event_source_mappings,
    function_urls,
    functions,
    invoke,
    invoke_async,
    layer_permissions,
    layers,
    permissions,
    provisioned_concurrency,
    recursion,
    resource_policies,
    response_stream,
    runtime_management,
    scaling_config,
    tags,
    versions,
)

# Every file whose changes go on in the background.
_RESUMED = (capacity_providers, durable_executions, mapping_transitions, taking_effect)


async def resume(control: ControlPlane) -> None:
    """Take up every change that the last server left unfinished."""
    for resource in _RESUMED:
        await resource.resume(control)


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


__all__ = [
    "ControlPlane",
    "ObjectStore",
    "Operation",
    "answer_url",
    "download",
    "event_routes",
    "find_target",
    "machine_architecture",
    "operations",
    "remove_forever",
    "resume",
    "runtime_routes",
]
