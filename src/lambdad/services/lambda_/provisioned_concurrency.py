"""Provisioned concurrency: environments of a version or an alias that are initialized ahead.

    Put ──▶ saved ──▶ IN_PROGRESS ──▶ READY         as many are available as were asked for
                                  └─▶ FAILED        an Init failed; it is tried again later

The status is what the data plane says at the time of asking; only what was asked for is kept.
"""

from __future__ import annotations

from typing import Any

from lambdad.arn import LATEST
from lambdad.clock import to_datetime
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.alias import Alias
from lambdad.model.caller import RequestContext
from lambdad.model.concurrency import Provisioned, least_unreserved, provisioned_status
from lambdad.model.function import LATEST_PUBLISHED, Function, FunctionVersion
from lambdad.model.provisioned_concurrency import ProvisionedConcurrency
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.claims import (
    account_claims,
    account_key,
    apply_claims,
    check_can_be_provisioned,
    check_provisioned_once,
    check_unweighted,
    function_concurrency,
    provisioned_version,
)
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.paging import page

PAGE_SIZE = 50
_UNPUBLISHED = (LATEST, LATEST_PUBLISHED)


async def put_provisioned_concurrency_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Ask for environments; they are initialized in the background."""
    name = names.resolve(context, request)
    requested = request["ProvisionedConcurrentExecutions"]
    async with control.changes.lock(name.key), control.changes.lock(account_key(name.key)):
        function = names.find_function(control.resources, name)
        if name.qualifier in _UNPUBLISHED:
            raise invalid_parameter(
                "Provisioned Concurrency Configs cannot be applied to unpublished function "
                "versions."
            )
        version = _find_version(control, name)
        config = _config(control, name, requested)
        _check_qualifier(control, name, config, version)
        _check_amount(control, function, config)
        await control.resources.save(config)
        apply_claims(control, name.key)
    return _described(control, config)


async def get_provisioned_concurrency_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """What was asked for, and how far it is."""
    config = _find(control, _published_name(control, context, request))
    if config is None:
        raise ClientError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )
    return _described(control, config)


async def list_provisioned_concurrency_configs(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of those of a function, by qualifier."""
    name = names.resolve_unqualified(context, request)
    names.find_function(control.resources, name)
    marker = request.get("Marker", "")
    configs = (
        config
        for config in control.resources.beneath(ProvisionedConcurrency, name.key)
        if config.qualifier > marker
    )
    found, following = page(configs, request, lambda each: each.qualifier, largest=PAGE_SIZE)
    listed = [{"FunctionArn": each.arn, **_described(control, each)} for each in found]
    return {"ProvisionedConcurrencyConfigs": listed, **following}


async def delete_provisioned_concurrency_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Let the environments go; it is no error when there is no config."""
    name = names.resolve(context, request)
    async with control.changes.lock(name.key), control.changes.lock(account_key(name.key)):
        config = _find(control, _published_name(control, context, request))
        if config is not None:
            await control.resources.delete(config)
            apply_claims(control, name.key)
    return {}


def _published_name(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> FunctionName:
    """The version or alias that a request means, which must exist."""
    name = names.resolve(context, request)
    names.find_function(control.resources, name)
    if name.qualifier in _UNPUBLISHED:
        raise invalid_parameter(
            "The function resource provided must be an alias or a published version."
        )
    _find_version(control, name)
    return name


def _find_version(control: ControlPlane, name: FunctionName) -> FunctionVersion:
    is_alias = not names.is_version(name.qualifier or "")
    if is_alias and control.resources.find(Alias, *name.qualified_key) is None:
        raise ClientError("ResourceNotFoundException", f"Cannot find alias arn: {name.arn}")
    return names.find_version(control.resources, name)


def _find(control: ControlPlane, name: FunctionName) -> ProvisionedConcurrency | None:
    return control.resources.find(ProvisionedConcurrency, *name.qualified_key)


def _config(control: ControlPlane, name: FunctionName, requested: int) -> ProvisionedConcurrency:
    return ProvisionedConcurrency(
        account_id=name.account_id,
        region=name.region,
        function_name=name.name,
        qualifier=name.qualifier or "",
        requested=requested,
        last_modified=control.clock.now(),
    )


def _check_qualifier(
    control: ControlPlane,
    name: FunctionName,
    config: ProvisionedConcurrency,
    version: FunctionVersion,
) -> None:
    """One published version that can be invoked, and that has none by another way."""
    alias = control.resources.find(Alias, *name.qualified_key)
    if alias is not None:
        check_unweighted(alias)
    check_provisioned_once(control.resources, config, version.version)
    check_can_be_provisioned(version)
    if version.state.value != "Active":
        raise ClientError(
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the "
            f"following state: {version.state.value}",
        )


def _check_amount(
    control: ControlPlane, function: Function, config: ProvisionedConcurrency
) -> None:
    """It is covered by what is reserved for the function, else it leaves enough to the others."""
    resources = control.resources
    present = resources.find(ProvisionedConcurrency, *config.key)
    others = function_concurrency(resources, function).provisioned_in_all
    provisioned = others - (present.requested if present else 0) + config.requested
    if function.reserved_concurrency is not None:
        if provisioned > function.reserved_concurrency:
            raise invalid_parameter(
                "Requested Provisioned Concurrency should not be greater than the "
                "reservedConcurrentExecution for function"
            )
        return
    account_id, region, name = function.key
    unreserved = control.concurrency - account_claims(resources, account_id, region, besides=name)
    least = least_unreserved(control.concurrency)
    if provisioned > unreserved:
        raise invalid_parameter(
            "Specified ConcurrentExecutions for function is greater than account's unreserved "
            f"concurrency [{unreserved}]."
        )
    if unreserved - provisioned < least:
        raise invalid_parameter(
            "Specified ConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{least}]."
        )


def _described(control: ControlPlane, config: ProvisionedConcurrency) -> dict[str, Any]:
    """A config and how far it is, in AWS's words."""
    version = provisioned_version(control.resources, config)
    provisioned = _how_far(control, version)
    status = provisioned_status(config.requested, provisioned)
    available = min(provisioned.available, config.requested)
    return {
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AvailableProvisionedConcurrentExecutions": available,
        "AllocatedProvisionedConcurrentExecutions": available,
        "Status": status,
        "LastModified": f"{to_datetime(config.last_modified):%Y-%m-%dT%H:%M:%S}+0000",
        **({"StatusReason": provisioned.failure} if status == "FAILED" else {}),
    }


def _how_far(control: ControlPlane, version: FunctionVersion) -> Provisioned:
    """A version that an alias has been moved to may have failed to become Active."""
    if version.state.value == "Failed":
        return Provisioned(failure=version.state.reason)
    return control.invoker.provisioned(version)


OPERATIONS = {
    "DeleteProvisionedConcurrencyConfig": delete_provisioned_concurrency_config,
    "GetProvisionedConcurrencyConfig": get_provisioned_concurrency_config,
    "ListProvisionedConcurrencyConfigs": list_provisioned_concurrency_configs,
    "PutProvisionedConcurrencyConfig": put_provisioned_concurrency_config,
}
