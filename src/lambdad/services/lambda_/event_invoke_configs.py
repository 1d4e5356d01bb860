"""Event invoke configs: retries, age and destinations of asynchronous invocations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.arn import LATEST
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.event_invoke_config import EventInvokeConfig
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.destinations import invocation_destinations
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.paging import page

PAGE_SIZE = 50
_SETTINGS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


async def put_function_event_invoke_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Set the whole config; what the request leaves out has its default again."""
    name = _name(context, request)
    _check_settings(request)
    async with control.changes.lock(name.key):
        _check_existence(control, name)
        return await _save(
            control,
            name,
            EventInvokeConfig(
                account_id=name.account_id,
                region=name.region,
                function_name=name.name,
                qualifier=name.qualifier or LATEST,
                last_modified=0,
            ),
            request,
        )


async def update_function_event_invoke_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Set what the request names. Both destinations are one setting."""
    name = _name(context, request)
    _check_settings(request)
    async with control.changes.lock(name.key):
        return await _save(control, name, _find(control, name), request)


async def get_function_event_invoke_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The config of `$LATEST`, a version or an alias."""
    return _configuration(_find(control, _name(context, request)))


async def delete_function_event_invoke_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Go back to the defaults."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        await control.resources.delete(_find(control, name))
    return {}


async def list_function_event_invoke_configs(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of a function's configs, by qualifier."""
    name = names.resolve_unqualified(context, request)
    _check_existence(control, name)
    marker = request.get("Marker", "")
    configs = (
        config
        for config in control.resources.beneath(EventInvokeConfig, name.key)
        if config.qualifier > marker
    )
    found, following = page(configs, request, lambda each: each.qualifier, largest=PAGE_SIZE)
    return {"FunctionEventInvokeConfigs": [_configuration(each) for each in found], **following}


def _name(context: RequestContext, request: dict[str, Any]) -> FunctionName:
    name = names.resolve(context, request)
    return replace(name, qualifier=name.qualifier or LATEST)


def _check_existence(control: ControlPlane, name: FunctionName) -> None:
    """AWS has other words here than those of every other operation."""
    try:
        names.find_version(control.resources, name)
    except ClientError:
        message = "The function doesn't exist."
        raise ClientError("ResourceNotFoundException", message) from None


def _find(control: ControlPlane, name: FunctionName) -> EventInvokeConfig:
    config = control.resources.find(EventInvokeConfig, *name.qualified_key)
    if config is None:
        raise ClientError(
            "ResourceNotFoundException",
            f"The function {name.arn} doesn't have an EventInvokeConfig",
        )
    return config


def _check_settings(request: dict[str, Any]) -> None:
    if not any(member in request for member in _SETTINGS):
        raise ClientError(
            "InvalidParameterValueException",
            "You must specify at least one of error handling or destination setting.",
        )


async def _save(
    control: ControlPlane, name: FunctionName, config: EventInvokeConfig, request: dict[str, Any]
) -> dict[str, Any]:
    """Save the config with what the request sets."""
    destinations = config.destinations
    if "DestinationConfig" in request:
        destinations = invocation_destinations(control, name, request["DestinationConfig"])
    config = replace(
        config,
        maximum_retry_attempts=request.get("MaximumRetryAttempts", config.maximum_retry_attempts),
        maximum_event_age=request.get("MaximumEventAgeInSeconds", config.maximum_event_age),
        destinations=destinations,
        last_modified=control.clock.now(),
    )
    await control.resources.save(config)
    return _configuration(config)


def _configuration(config: EventInvokeConfig) -> dict[str, Any]:
    """A config as AWS's FunctionEventInvokeConfig; what was not set is not told."""
    members = {
        "LastModified": config.last_modified,
        "FunctionArn": config.arn,
        "MaximumRetryAttempts": config.maximum_retry_attempts,
        "MaximumEventAgeInSeconds": config.maximum_event_age,
        "DestinationConfig": config.destinations or {"OnSuccess": {}, "OnFailure": {}},
    }
    return {member: value for member, value in members.items() if value is not None}


OPERATIONS = {
    "DeleteFunctionEventInvokeConfig": delete_function_event_invoke_config,
    "GetFunctionEventInvokeConfig": get_function_event_invoke_config,
    "ListFunctionEventInvokeConfigs": list_function_event_invoke_configs,
    "PutFunctionEventInvokeConfig": put_function_event_invoke_config,
    "UpdateFunctionEventInvokeConfig": update_function_event_invoke_config,
}
