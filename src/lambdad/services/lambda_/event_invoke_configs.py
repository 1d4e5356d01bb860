"""Event invoke configs: retries, maximum age and destinations of asynchronous invocations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.arn import LATEST
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.event_invoke_config import EventInvokeConfig, refused_destination
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.paging import page

PAGE_SIZE = 50


async def put_function_event_invoke_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Set the config; what the request leaves out is unset."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        names.find_version(control.resources, name)
        return await _save(control, _empty(name), request)


async def update_function_event_invoke_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change what the request names, and nothing else."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        return await _save(control, _find(control, name), request)


async def get_function_event_invoke_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One config."""
    return _configuration(_find(control, _name(context, request)))


async def delete_function_event_invoke_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Back to the defaults."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        await control.resources.delete(_find(control, name))
    return {}


async def list_function_event_invoke_configs(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of a function's configs by qualifier."""
    name = names.resolve_unqualified(context, request)
    names.find_function(control.resources, name)
    marker = request.get("Marker", "")
    configs = (
        config
        for config in control.resources.beneath(EventInvokeConfig, name.key)
        if config.qualifier > marker
    )
    found, following = page(configs, request, lambda each: each.qualifier, largest=PAGE_SIZE)
    listed = [_configuration(config) for config in found]
    return {"FunctionEventInvokeConfigs": listed, **following}


def _name(context: RequestContext, request: dict[str, Any]) -> FunctionName:
    """The function with a qualifier in any case: without one, `$LATEST` is meant."""
    name = names.resolve(context, request)
    return name if name.qualifier else replace(name, qualifier=LATEST)


def _empty(name: FunctionName) -> EventInvokeConfig:
    return EventInvokeConfig(
        account_id=name.account_id,
        region=name.region,
        function_name=name.name,
        qualifier=name.qualifier or LATEST,
        last_modified=0.0,
    )


def _find(control: ControlPlane, name: FunctionName) -> EventInvokeConfig:
    config = control.resources.find(EventInvokeConfig, *name.qualified_key)
    if config is None:
        raise ClientError(
            "ResourceNotFoundException",
            f"The function {name.arn} doesn't have an EventInvokeConfig",
        )
    return config


async def _save(
    control: ControlPlane, config: EventInvokeConfig, request: dict[str, Any]
) -> dict[str, Any]:
    config = replace(
        config,
        retry_attempts=request.get("MaximumRetryAttempts", config.retry_attempts),
        event_age=request.get("MaximumEventAgeInSeconds", config.event_age),
        destinations=_checked(request["DestinationConfig"])
        if "DestinationConfig" in request
        else config.destinations,
        last_modified=control.clock.now(),
    )
    await control.resources.save(config)
    return _configuration(config)


def _checked(destinations: dict[str, Any]) -> dict[str, Any]:
    for condition, destination in destinations.items():
        arn = destination.get("Destination", "")
        reason = refused_destination(arn, is_for_failures=condition == "OnFailure")
        if reason:
            raise ClientError("InvalidParameterValueException", reason)
    return {name: each for name, each in destinations.items() if each.get("Destination")}


def _configuration(config: EventInvokeConfig) -> dict[str, Any]:
    """A config as AWS's FunctionEventInvokeConfig."""
    members = {
        "MaximumRetryAttempts": config.retry_attempts,
        "MaximumEventAgeInSeconds": config.event_age,
    }
    return {
        "FunctionArn": config.arn,
        "LastModified": config.last_modified,
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {}, **config.destinations},
        **{name: value for name, value in members.items() if value is not None},
    }


OPERATIONS = {
    "DeleteFunctionEventInvokeConfig": delete_function_event_invoke_config,
    "GetFunctionEventInvokeConfig": get_function_event_invoke_config,
    "ListFunctionEventInvokeConfigs": list_function_event_invoke_configs,
    "PutFunctionEventInvokeConfig": put_function_event_invoke_config,
    "UpdateFunctionEventInvokeConfig": update_function_event_invoke_config,
}
