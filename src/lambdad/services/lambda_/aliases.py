"""Aliases: names for published versions, with weights between two of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

from lambdad.arn import LATEST, function_arn
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.alias import Alias
from lambdad.model.caller import RequestContext
from lambdad.model.function import LATEST_PUBLISHED, Function, FunctionVersion
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.belongings import belongings
from lambdad.services.lambda_.claims import apply_claims, check_provisioned_alias
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.paging import page
from lambdad.services.lambda_.preconditions import check_revision

PAGE_SIZE = 50


async def create_alias(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Name a version."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        names.find_function(control.resources, name)
        if control.resources.find(Alias, *name.qualified_key):
            raise ClientError("ResourceConflictException", f"Alias already exists: {name.arn}")
        alias = _changed(
            control,
            Alias(
                account_id=name.account_id,
                region=name.region,
                function_name=name.name,
                name=request["Name"],
                function_version="",
                revision_id="",
            ),
            request,
        )
        await control.resources.save(alias)
    return _configuration(alias)


async def get_alias(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One alias."""
    return _configuration(_find(control, _name(context, request)))


async def list_aliases(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of a function's aliases by name, or of those that point to one version."""
    name = names.resolve_unqualified(context, request)
    names.find_function(control.resources, name)
    marker, version = request.get("Marker", ""), request.get("FunctionVersion")
    aliases = (
        alias
        for alias in control.resources.beneath(Alias, name.key)
        if alias.name > marker and version in (None, alias.function_version)
    )
    found, following = page(aliases, request, lambda alias: alias.name, largest=PAGE_SIZE)
    return {"Aliases": [_configuration(alias) for alias in found], **following}


async def update_alias(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Point an alias elsewhere, or change its description or weights."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        alias = _find(control, name)
        check_revision(request.get("RevisionId"), alias.revision_id)
        alias = _changed(control, alias, request)
        check_provisioned_alias(control, alias)
        await control.resources.save(alias)
        apply_claims(control, name.key)
    return _configuration(alias)


async def delete_alias(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete an alias and what belongs to it; it is no error when there is none."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        alias = control.resources.find(Alias, *name.qualified_key)
        if alias is not None:
            await control.resources.delete(alias, *belongings(control.resources, alias.key))
            apply_claims(control, name.key)
    return {}


def _name(context: RequestContext, request: dict[str, Any]) -> FunctionName:
    return replace(names.resolve_unqualified(context, request), qualifier=request["Name"])


def _find(control: ControlPlane, name: FunctionName) -> Alias:
    alias = control.resources.find(Alias, *name.qualified_key)
    if alias is None:
        raise ClientError("ResourceNotFoundException", f"Cannot find alias arn: {name.arn}")
    return alias


def _changed(control: ControlPlane, alias: Alias, request: dict[str, Any]) -> Alias:
    """The alias as the request wants it, if that can be."""
    weights = alias.weights
    if "RoutingConfig" in request:
        weights = dict(request["RoutingConfig"].get("AdditionalVersionWeights", {}))
    changed = replace(
        alias,
        function_version=request.get("FunctionVersion", alias.function_version),
        description=request.get("Description", alias.description),
        weights=weights,
        revision_id=str(uuid4()),
    )
    version = _target(control, changed, changed.function_version)
    _check_weights(control, changed, version)
    return changed


def _check_weights(control: ControlPlane, alias: Alias, version: FunctionVersion) -> None:
    """Two published versions that share role and dead-letter queue."""
    for other, weight in alias.weights.items():
        if {other, alias.function_version} & {LATEST, LATEST_PUBLISHED}:
            raise invalid_parameter(
                "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        if other == alias.function_version:
            raise invalid_parameter(
                "Invalid function version in the function version weights: it is the version "
                f"that the alias points to ({other})."
            )
        if len(alias.weights) > 1:
            raise invalid_parameter("An alias can have at most one additional version.")
        if not 0 <= weight <= 1:
            raise invalid_parameter(f"The weight of version {other} must be between 0.0 and 1.0.")
        _check_likeness(version, _target(control, alias, other))


def _check_likeness(one: FunctionVersion, other: FunctionVersion) -> None:
    if one.role != other.role:
        raise invalid_parameter("The versions of an alias must have the same execution role.")
    queues = [
        each.settings.get("DeadLetterConfig", {}).get("TargetArn", "") for each in (one, other)
    ]
    if queues[0] != queues[1]:
        raise invalid_parameter(
            "The versions of an alias must have the same dead-letter queue, or none."
        )


def _target(control: ControlPlane, alias: Alias, version: str) -> FunctionVersion:
    """A version that the alias points to; an alias never points to an alias."""
    if version == LATEST:
        function = control.resources.find(Function, *_function_key(alias))
        assert function is not None
        return function.latest
    account_id, region, name = _function_key(alias)
    found = control.resources.find(FunctionVersion, account_id, region, f"{name}:{version}")
    if found is None:
        arn = function_arn(account_id, region, name, version)
        raise ClientError("ResourceNotFoundException", f"Function not found: {arn}")
    return found


def _function_key(alias: Alias) -> tuple[str, str, str]:
    return (alias.account_id, alias.region, alias.function_name)


def _configuration(alias: Alias) -> dict[str, Any]:
    """An alias as AWS's AliasConfiguration."""
    weights = {"RoutingConfig": {"AdditionalVersionWeights": alias.weights}}
    return {
        "AliasArn": alias.arn,
        "Name": alias.name,
        "FunctionVersion": alias.function_version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
        **(weights if alias.weights else {}),
    }


OPERATIONS = {
    "CreateAlias": create_alias,
    "DeleteAlias": delete_alias,
    "GetAlias": get_alias,
    "ListAliases": list_aliases,
    "UpdateAlias": update_alias,
}
