"""Versions: immutable snapshots of `$LATEST`, numbered from 1.

CreateFunction, UpdateFunctionCode with Publish ──▶ the version is Pending until the change
                                                    takes effect, or Failed with it
PublishVersion ──▶ Active at once: its code has been prepared for `$LATEST`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

from lambdad.arn import LATEST
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.alias import Alias
from lambdad.model.caller import RequestContext
from lambdad.model.function import LATEST_PUBLISHED, Function, FunctionVersion
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.belongings import belongings
from lambdad.services.lambda_.claims import apply_claims
from lambdad.services.lambda_.code_storage import check_code_storage
from lambdad.services.lambda_.configuration import (
    code_sha256,
    function_configuration,
    listed_configuration,
)
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.host_directories import refuse_publishing
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.paging import page
from lambdad.services.lambda_.preconditions import NOT_NOW, changeable
from lambdad.store.resources import Resources

PAGE_SIZE = 50
MAX_DIGITS = 18


async def publish_version(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Snapshot `$LATEST`; when it is as it was at the last time, answer with that version."""
    name = names.resolve_latest(context, request)
    async with control.changes.lock(name.key):
        function = changeable(control, name, request.get("RevisionId"))
        _check_code(function.latest, request.get("CodeSha256"))
        if request.get("PublishTo") == "LATEST_PUBLISHED":
            version = latest_published(function, request.get("Description"))
            await control.resources.save(version)
            apply_claims(control, name.key)
            control.invoker.retire(name.key, LATEST_PUBLISHED)
            return function_configuration(version)
        last = last_published(control.resources, function)
        if last is not None:
            return function_configuration(last)
        function, version = published(function, request.get("Description"))
        check_code_storage(control, name.account_id, name.region, version.code_size)
        await control.resources.save(function, version)
    return function_configuration(version)


async def list_versions_by_function(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of versions: `$LATEST` and the published ones, the oldest first."""
    name = names.resolve_unqualified(context, request)
    function = names.find_function(control.resources, name)
    versions = versions_of(control.resources, function, after=request.get("Marker", ""))
    found, following = page(versions, request, lambda each: each.version, largest=PAGE_SIZE)
    listed = [listed_configuration(each, qualifier=each.version) for each in found]
    return {"Versions": listed, **following}


async def delete_version(control: ControlPlane, name: FunctionName) -> None:
    """Delete one published version. The caller holds the function's lock."""
    version = names.find_version(control.resources, name)
    if names.find_function(control.resources, name).pending_published is version:
        raise ClientError(
            "ResourceConflictException",
            f"{NOT_NOW} An update is in progress for resource: {name.arn}",
        )
    if name.qualifier == LATEST:
        raise invalid_parameter("$LATEST version cannot be deleted without deleting the function.")
    if not names.is_version(name.qualifier or ""):
        raise invalid_parameter("Deletion of aliases is not currently supported.")
    aliases = control.resources.beneath(Alias, name.key)
    users = sorted(
        alias.name
        for alias in aliases
        if version.version in (alias.function_version, *alias.weights)
    )
    if users:
        raise ClientError(
            "ResourceConflictException",
            "Unable to delete version because the following aliases reference it: "
            f"[{', '.join(users)}]",
        )
    await control.resources.delete(version, *belongings(control.resources, version.key))
    apply_claims(control, name.key)
    control.invoker.retire(name.key, version.version)


def versions_of(
    resources: Resources, function: Function, *, after: str = ""
) -> Iterator[FunctionVersion]:
    """Every version of a function, `$LATEST` first, then by number; those behind `after`."""
    every = [function.newest, *resources.beneath(FunctionVersion, function.key)]
    every.sort(key=lambda each: _place(each.version))
    return (each for each in every if not after or _place(each.version) > _place(after))


def last_published(resources: Resources, function: Function) -> FunctionVersion | None:
    """The version published last, if `$LATEST` is what it was then, and it has not failed."""
    if function.published_content != function.newest.content_sha256:
        return None
    account_id, region, name = function.key
    last = resources.find(FunctionVersion, account_id, region, f"{name}:{function.last_version}")
    return None if last is None or last.state.value == "Failed" else last


def published(
    function: Function, description: str | None = None
) -> tuple[Function, FunctionVersion]:
    """The function after its newest `$LATEST` has been published, and the version made of it."""
    number = function.last_version + 1
    version = _snapshot(function.newest, str(number), description)
    content = function.newest.content_sha256
    return replace(function, last_version=number, published_content=content), version


def latest_published(function: Function, description: str | None = None) -> FunctionVersion:
    """`$LATEST.PUBLISHED`, the version that managed instances run, made of the newest `$LATEST`."""
    return _snapshot(function.newest, LATEST_PUBLISHED, description)


def _snapshot(newest: FunctionVersion, version: str, description: str | None) -> FunctionVersion:
    refuse_publishing(newest)
    return replace(
        newest,
        version=version,
        revision_id=str(uuid4()),
        description=newest.description if description is None else description,
    )


def _check_code(latest: FunctionVersion, expected: str | None) -> None:
    found = code_sha256(latest)
    if expected and expected != found:
        raise invalid_parameter(
            f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({found}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )


def _place(version: str) -> int:
    """A version's place among those of its function."""
    if version in (LATEST, LATEST_PUBLISHED):
        return -1 if version == LATEST else 0
    if not (version.isascii() and version.isdigit() and len(version) < MAX_DIGITS):
        raise invalid_parameter(f"The marker {version} is not valid.")
    return int(version)


OPERATIONS = {
    "ListVersionsByFunction": list_versions_by_function,
    "PublishVersion": publish_version,
}
