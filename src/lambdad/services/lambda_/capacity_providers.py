"""Capacity providers: what managed functions say that they run on.

    CreateCapacityProvider ─▶ Pending ─▶ Active ─▶ DeleteCapacityProvider ─▶ Deleting ─▶ gone

Both steps in the background are taken up again by `resume`. Here every function runs on the node,
so that a provider has nothing to make and nothing to take down.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import RequestContext
from lambdad.model.capacity_provider import ACTIVE, DELETING, PENDING, CapacityProvider
from lambdad.model.function import Function, FunctionVersion
from lambdad.model.resource import Key
from lambdad.services.lambda_.configuration import timestamp
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.paging import page
from lambdad.services.lambda_.parameters import checked_tags
from lambdad.services.lambda_.versions import versions_of

PAGE_SIZE = 50
MAX_NAME_LENGTH = 64

_SCALING = "CapacityProviderScalingConfig"
# Members of a request that a provider keeps, and those that can be changed afterwards.
_CHANGEABLE = (_SCALING, "PropagateTags", "TelemetryConfig")
_MEMBERS = (
    "VpcConfig",
    "PermissionsConfig",
    "InstanceRequirements",
    "KmsKeyArn",
    *_CHANGEABLE,
)


async def create_capacity_provider(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Make a provider; it becomes Active in the background."""
    key = _key(context, request["CapacityProviderName"])
    account_id, region, name = key
    if len(name) > MAX_NAME_LENGTH:
        raise invalid_parameter(
            f"The name of a capacity provider has at most {MAX_NAME_LENGTH} characters."
        )
    provider = CapacityProvider(
        account_id=account_id,
        region=region,
        name=name,
        state=PENDING,
        last_modified=control.clock.now(),
        settings=_changed_settings({_SCALING: {"ScalingMode": "Auto"}}, request, _MEMBERS),
        tags=checked_tags(request.get("Tags", {})),
    )
    async with control.changes.lock(key, CapacityProvider.kind):
        if control.resources.find(CapacityProvider, *key):
            raise ClientError(
                "ResourceConflictException", f"Capacity provider already exists: {provider.arn}"
            )
        await control.resources.save(provider)
        _start(control, key)
    return {"CapacityProvider": _description(provider)}


async def get_capacity_provider(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One provider."""
    return {"CapacityProvider": _description(_find(control, context, request))}


async def list_capacity_providers(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the caller's providers by name, perhaps only of those in one state."""
    caller, state = context.caller, request.get("State")
    providers = control.resources.list(
        CapacityProvider, caller.account_id, caller.region, after=request.get("Marker", "")
    )
    wanted = (each for each in providers if state in (None, each.state))
    found, following = page(wanted, request, lambda each: each.name, largest=PAGE_SIZE)
    return {"CapacityProviders": [_description(each) for each in found], **following}


async def update_capacity_provider(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change how a provider scales, what it tags and what it logs."""
    key = _key(context, request["CapacityProviderName"])
    async with control.changes.lock(key, CapacityProvider.kind):
        provider = _active(control, context, request)
        provider = replace(
            provider,
            last_modified=control.clock.now(),
            settings=_changed_settings(provider.settings, request, _CHANGEABLE),
        )
        await control.resources.save(provider)
    return {"CapacityProvider": _description(provider)}


async def delete_capacity_provider(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a provider that no version uses; it goes in the background."""
    key = _key(context, request["CapacityProviderName"])
    async with control.changes.lock(key, CapacityProvider.kind):
        provider = _active(control, context, request)
        user = next(_versions_using(control, provider), None)
        if user is not None:
            raise ClientError(
                "ResourceConflictException",
                f"The capacity provider {provider.arn} is used by {user.qualified_arn}. Delete "
                "the versions that use it before you delete it.",
            )
        provider = replace(provider, state=DELETING)
        await control.resources.save(provider)
        _start(control, key)
    return {"CapacityProvider": _description(provider)}


async def list_function_versions_by_capacity_provider(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the versions that use a provider, by function."""
    provider = _find(control, context, request)
    versions = _versions_using(control, provider, after=request.get("Marker", ""))
    found, following = page(
        versions, request, lambda each: f"{each.name}:{each.version}", largest=PAGE_SIZE
    )
    listed = [{"FunctionArn": each.qualified_arn, "State": each.state.value} for each in found]
    return {"CapacityProviderArn": provider.arn, "FunctionVersions": listed, **following}


async def resume(control: ControlPlane) -> None:
    """Take up every step that the last server left unfinished."""
    for provider in control.resources.all(CapacityProvider):
        if provider.state != ACTIVE:
            _start(control, provider.key)


@asynccontextmanager
async def held_provider(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> AsyncIterator[None]:
    """Refuse a function that is to run on a provider which is not there, or is going; nobody
    deletes it meanwhile. Whoever holds a function's lock, too, has taken that one first."""
    config = request.get("CapacityProviderConfig")
    if not config:
        yield
        return
    arn = config["LambdaManagedInstancesCapacityProviderConfig"]["CapacityProviderArn"]
    async with control.changes.lock(_key(context, arn), CapacityProvider.kind):
        _active(control, context, {"CapacityProviderName": arn})
        yield


def _start(control: ControlPlane, key: Key) -> None:
    what = f"The capacity provider {key[2]}"
    control.changes.start_step(what, lambda: _settle(control, key))


async def _settle(control: ControlPlane, key: Key) -> None:
    """Bring a provider to where its state leads."""
    async with control.changes.lock(key, CapacityProvider.kind):
        provider = control.resources.find(CapacityProvider, *key)
        if provider is None or provider.state == ACTIVE:
            return
        if provider.state == PENDING:
            await control.resources.save(replace(provider, state=ACTIVE))
        else:
            await control.resources.delete(provider)


def _key(context: RequestContext, name: str) -> Key:
    """Where a provider lives; it may be named by its ARN."""
    caller = context.caller
    if not name.startswith("arn:"):
        return (caller.account_id, caller.region, name)
    _, _, _, region, account_id, _, own_name = name.split(":")
    if (account_id, region) != (caller.account_id, caller.region):
        raise _not_found(name)
    return (account_id, region, own_name)


def _find(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> CapacityProvider:
    name = request["CapacityProviderName"]
    provider = control.resources.find(CapacityProvider, *_key(context, name))
    if provider is None:
        raise _not_found(name)
    return provider


def _active(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> CapacityProvider:
    """The provider, if it can be changed or used now."""
    provider = _find(control, context, request)
    if provider.state != ACTIVE:
        raise ClientError(
            "ResourceConflictException",
            "The operation cannot be performed at this time. The capacity provider is currently "
            f"in the following state: {provider.state}",
        )
    return provider


def _versions_using(
    control: ControlPlane, provider: CapacityProvider, *, after: str = ""
) -> Iterator[FunctionVersion]:
    """Every version that says so, `$LATEST` too; those that follow `function:version`."""
    name, _, version = after.partition(":")
    resources = control.resources
    last = resources.find(Function, provider.account_id, provider.region, name) if after else None
    following = resources.list(Function, provider.account_id, provider.region, after=name)
    behind = versions_of(resources, last, after=version) if last else ()
    rest = (each for function in following for each in versions_of(resources, function))
    for each in (*behind, *rest):
        config = each.settings.get("CapacityProviderConfig", {})
        managed = config.get("LambdaManagedInstancesCapacityProviderConfig", {})
        if managed.get("CapacityProviderArn") == provider.arn:
            yield each


def _changed_settings(
    settings: Mapping[str, Any], request: Mapping[str, Any], members: tuple[str, ...]
) -> dict[str, Any]:
    """The settings with what the request names of these members, if that can be."""
    changed = {**settings, **{name: request[name] for name in members if name in request}}
    changed[_SCALING] = _changed_scaling(settings[_SCALING], request.get(_SCALING, {}))
    tags = changed.get("PropagateTags", {})
    if tags.get("ExplicitTags") and tags.get("Mode") != "Explicit":
        raise invalid_parameter(
            "ExplicitTags can only be given when the Mode of PropagateTags is Explicit."
        )
    return changed


def _changed_scaling(scaling: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is not asked for stays; policies end with the mode that they belong to."""
    changed = {**scaling, **asked}
    if changed["ScalingMode"] == "Auto" and "ScalingPolicies" not in asked:
        changed.pop("ScalingPolicies", None)
    _check_scaling(changed)
    return changed


def _check_scaling(scaling: Mapping[str, Any]) -> None:
    policies = scaling.get("ScalingPolicies", [])
    if scaling["ScalingMode"] == "Auto" and policies:
        raise invalid_parameter("ScalingPolicies can only be given when ScalingMode is Manual.")
    if scaling["ScalingMode"] == "Manual" and not policies:
        raise invalid_parameter("ScalingPolicies are required when ScalingMode is Manual.")
    metrics = [policy["PredefinedMetricType"] for policy in policies]
    if len(set(metrics)) < len(metrics):
        raise invalid_parameter("A metric can have only one scaling policy.")


def _description(provider: CapacityProvider) -> dict[str, Any]:
    """A provider as AWS's CapacityProvider."""
    return {
        "CapacityProviderArn": provider.arn,
        "State": provider.state,
        "LastModified": timestamp(provider.last_modified),
        **provider.settings,
    }


def _not_found(name: str) -> ClientError:
    return ClientError("ResourceNotFoundException", f"Capacity provider not found: {name}")


OPERATIONS = {
    "CreateCapacityProvider": create_capacity_provider,
    "DeleteCapacityProvider": delete_capacity_provider,
    "GetCapacityProvider": get_capacity_provider,
    "ListCapacityProviders": list_capacity_providers,
    "ListFunctionVersionsByCapacityProvider": list_function_versions_by_capacity_provider,
    "UpdateCapacityProvider": update_capacity_provider,
}
