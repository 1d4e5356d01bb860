"""Scaling configs of versions, kept as they were given."""

from __future__ import annotations

from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.scaling_config import ScalingConfig
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane


async def put_function_scaling_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Keep the bounds of a version; without any, those that were kept are forgotten."""
    name = names.resolve(context, request)
    least, most = _bounds(request.get("FunctionScalingConfig") or {})
    async with control.changes.lock(name.key):
        version = names.find_version(control.resources, name)
        account_id, region, function_name = name.key
        config = ScalingConfig(account_id, region, function_name, version.version, least, most)
        if least is None and most is None:
            await control.resources.delete(config)
        else:
            await control.resources.save(config)
    return {"FunctionState": version.state.value}


async def get_function_scaling_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The bounds of a version, if any were given; they are applied as soon as they are saved."""
    name = names.resolve(context, request)
    names.find_version(control.resources, name)
    config = control.resources.find(ScalingConfig, *name.qualified_key)
    answer: dict[str, Any] = {"FunctionArn": name.arn}
    if config is not None:
        bounds = _described(config)
        answer["AppliedFunctionScalingConfig"] = bounds
        answer["RequestedFunctionScalingConfig"] = bounds
    return answer


def _bounds(config: dict[str, Any]) -> tuple[int | None, int | None]:
    least = config.get("MinExecutionEnvironments")
    most = config.get("MaxExecutionEnvironments")
    if least is not None and most is not None and least > most:
        raise ClientError(
            "InvalidParameterValueException",
            f"MinExecutionEnvironments ({least}) must not be greater than "
            f"MaxExecutionEnvironments ({most}).",
        )
    return least, most


def _described(config: ScalingConfig) -> dict[str, int]:
    members = {
        "MinExecutionEnvironments": config.min_execution_environments,
        "MaxExecutionEnvironments": config.max_execution_environments,
    }
    return {member: value for member, value in members.items() if value is not None}


OPERATIONS = {
    "GetFunctionScalingConfig": get_function_scaling_config,
    "PutFunctionScalingConfig": put_function_scaling_config,
}
