"""Runtime management: when a version's runtime is replaced. One config a version, `$LATEST` too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.arn import LATEST
from lambdad.errors import invalid_parameter
from lambdad.model.caller import RequestContext
from lambdad.model.runtime_management import RuntimeManagementConfig
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName


async def put_runtime_management_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Set the update mode of a version."""
    name = _name(context, request)
    mode, runtime = request["UpdateRuntimeOn"], request.get("RuntimeVersionArn")
    if mode == "Manual" and not runtime:
        raise invalid_parameter("RuntimeVersionArn is required when UpdateRuntimeOn is Manual.")
    if mode != "Manual" and runtime:
        raise invalid_parameter(
            f"RuntimeVersionArn cannot be given when UpdateRuntimeOn is {mode}, only with Manual."
        )
    async with control.changes.lock(name.key):
        config = replace(_find(control, name), update_runtime_on=mode, runtime_version_arn=runtime)
        await control.resources.save(config)
    return _answer(name, config)


async def get_runtime_management_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The update mode of a version: Auto until another one is set."""
    name = _name(context, request)
    return _answer(name, _find(control, name))


def _name(context: RequestContext, request: dict[str, Any]) -> FunctionName:
    name = names.resolve(context, request)
    if name.qualifier is not None and not names.is_version(name.qualifier):
        raise invalid_parameter(
            f"A runtime is managed for a version, not for an alias: {name.arn}. The qualifier must "
            f"be {LATEST} or the number of a version."
        )
    return name


def _find(control: ControlPlane, name: FunctionName) -> RuntimeManagementConfig:
    version = names.find_version(control.resources, name)
    found = control.resources.find(RuntimeManagementConfig, *version.key)
    return found or RuntimeManagementConfig(
        account_id=name.account_id,
        region=name.region,
        function_name=name.name,
        version=version.version,
    )


def _answer(name: FunctionName, config: RuntimeManagementConfig) -> dict[str, Any]:
    """The config; FunctionArn is as it was asked for."""
    runtime = config.runtime_version_arn
    return {
        "UpdateRuntimeOn": config.update_runtime_on,
        "FunctionArn": name.arn,
        **({"RuntimeVersionArn": runtime} if runtime else {}),
    }


OPERATIONS = {
    "GetRuntimeManagementConfig": get_runtime_management_config,
    "PutRuntimeManagementConfig": put_runtime_management_config,
}
