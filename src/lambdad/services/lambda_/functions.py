"""Functions: create, get, list, update, delete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

from lambdad.arn import LATEST
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import RequestContext
from lambdad.model.function import LATEST_PUBLISHED, Code, Function, FunctionVersion
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.attached_layers import attached_layers, check_size_with_layers
from lambdad.services.lambda_.belongings import belongings
from lambdad.services.lambda_.capacity_providers import held_provider
from lambdad.services.lambda_.claims import apply_claims
from lambdad.services.lambda_.code_links import code_location
from lambdad.services.lambda_.code_signing import (
    config_of,
    held_config,
    signed_settings,
    verify_layers,
    verify_signatures,
)
from lambdad.services.lambda_.code_sources import image_code, keep_code, refuse_environments
from lambdad.services.lambda_.code_storage import check_code_storage
from lambdad.services.lambda_.concurrency import reserved_concurrency
from lambdad.services.lambda_.configuration import function_configuration, listed_configuration
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.execution_role import check_execution_role
from lambdad.services.lambda_.host_directories import (
    checked_file_systems,
    is_live,
    keep_live_code,
    refuse_from_inside,
)
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.paging import page
from lambdad.services.lambda_.parameters import (
    changed_fields,
    check_architectures,
    checked_tags,
    default_settings,
)
from lambdad.services.lambda_.preconditions import changeable
from lambdad.services.lambda_.settings import check_version, creation_settings
from lambdad.services.lambda_.taking_effect import CREATING, UPDATING, accept
from lambdad.services.lambda_.unsupported import refuse_unsupported
from lambdad.services.lambda_.versions import (
    PAGE_SIZE,
    delete_version,
    last_published,
    latest_published,
    published,
    versions_of,
)


async def create_function(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Keep the package, then the function; it becomes Active in the background."""
    refuse_unsupported(request)
    name = names.resolve_latest(context, request)
    is_image = request.get("PackageType") == "Image"
    if not is_image and not (request.get("Runtime") and request.get("Handler")):
        raise invalid_parameter(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    check_architectures(control, request.get("Architectures"))
    checked_file_systems(control, context, request)
    check_execution_role(control, context, request)
    settings = {**default_settings(control, name.name), **creation_settings(request)}
    fields = changed_fields(control, request, settings)
    tags = checked_tags(request.get("Tags", {}))
    signing = held_config(control, context, request.get("CodeSigningConfigArn"))
    provider = held_provider(control, context, request)
    async with control.changes.lock(name.key), signing as config, provider:
        if control.resources.find(Function, *name.key):
            raise ClientError("ResourceConflictException", f"Function already exist: {name.name}")
        code = await _keep_source(control, context, request["Code"], is_image=is_image)
        fields |= attached_layers(control, context.caller, request)
        publisher = await verify_signatures(control, config, code, fields.get("layers", ()))
        fields["settings"] = signed_settings(fields["settings"], publisher)
        version = _new_version(control, name, code, fields)
        check_version(version)
        function = Function(version, tags, code_signing_config=config.id if config else None)
        return await _accept(control, function, request)


async def get_function(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Configuration, a link to the package, tags, reserved concurrency."""
    name = names.resolve(context, request)
    function = names.find_function(control.resources, name)
    version = names.find_version(control.resources, name)
    answer = {
        "Configuration": function_configuration(version, qualifier=name.qualifier),
        "Code": _code(control, context, version.code),
    }
    if function.reserved_concurrency is not None:
        answer["Concurrency"] = reserved_concurrency(function)
    return {**answer, "Tags": function.tags} if function.tags else answer


def _code(control: ControlPlane, context: RequestContext, code: Code) -> dict[str, Any]:
    """Where the code is, as AWS's FunctionCodeLocation."""
    if code.image_uri is not None:
        repository = re.sub(r"(:[^/:@]+)?(@.*)?$", "", code.image_uri)
        resolved = {"ResolvedImageUri": f"{repository}@sha256:{code.sha256}"}
        return {
            "RepositoryType": "ECR",
            "ImageUri": code.image_uri,
            **(resolved if code.sha256 else {}),
        }
    members = {
        "RepositoryType": "S3",
        "Location": code_location(control, context, code),
        "SourceKMSKeyArn": code.source_kms_key_arn,
        "ResolvedS3Object": code.s3_object,
    }
    return {member: value for member, value in members.items() if value is not None}


async def get_function_configuration(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The configuration alone. While an update is on its way, it is the new one."""
    name = names.resolve(context, request)
    version = names.find_version(control.resources, name)
    return function_configuration(version, qualifier=name.qualifier)


async def list_functions(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the caller's functions by name, with FunctionVersion=ALL of their versions."""
    if request.get("MasterRegion", "ALL") != "ALL":
        return {"Functions": []}  # replicas of another region's functions: there are none
    is_all = request.get("FunctionVersion") == "ALL"
    listed = _all_versions if is_all else _latest_versions
    versions = listed(control, context, request.get("Marker", ""))
    found, following = page(
        versions,
        request,
        lambda each: f"{each.name}:{each.version}" if is_all else each.name,
        largest=PAGE_SIZE,
    )
    configurations = [
        listed_configuration(each, qualifier=each.version if is_all else None) for each in found
    ]
    return {"Functions": configurations, **following}


def _latest_versions(
    control: ControlPlane, context: RequestContext, marker: str
) -> Iterator[FunctionVersion]:
    caller = context.caller
    functions = control.resources.list(Function, caller.account_id, caller.region, after=marker)
    return (function.newest for function in functions)


def _all_versions(
    control: ControlPlane, context: RequestContext, marker: str
) -> Iterator[FunctionVersion]:
    caller = context.caller
    name, _, version = marker.partition(":")
    last = control.resources.find(Function, caller.account_id, caller.region, name)
    if last is not None and version:
        yield from versions_of(control.resources, last, after=version)
    for function in control.resources.list(Function, caller.account_id, caller.region, after=name):
        yield from versions_of(control.resources, function)


async def update_function_code(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Replace the package; DryRun only looks at it."""
    refuse_unsupported(request)
    check_architectures(control, request.get("Architectures"))
    name = names.resolve_latest(context, request)
    async with control.changes.lock(name.key):
        function = changeable(control, name, request.get("RevisionId"))
        refuse_from_inside(context, function.latest)
        latest = function.latest
        code = await _keep_source(
            control, context, request, is_image=latest.is_image, replaced=latest.code_size
        )
        publisher = await verify_signatures(
            control, config_of(control, function), code, latest.layers
        )
        settings = signed_settings(latest.settings, publisher)
        if request.get("DryRun"):  # what nothing refers to is swept away
            changed = replace(latest, code=code, settings=settings)
            check_version(changed)
            await check_size_with_layers(control, changed)
            return function_configuration(changed)
        return await _update(control, function, {"code": code, "settings": settings}, request)


async def update_function_configuration(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change what the request names, and nothing else."""
    refuse_unsupported(request)
    check_execution_role(control, context, request)
    name = names.resolve_latest(context, request)
    provider = held_provider(control, context, request)
    async with control.changes.lock(name.key), provider:
        function = changeable(control, name, request.get("RevisionId"))
        refuse_from_inside(context, function.latest)
        checked_file_systems(control, context, request)
        fields = changed_fields(control, request, function.latest.settings)
        fields |= attached_layers(control, context.caller, request)
        await verify_layers(control, config_of(control, function), fields.get("layers", ()))
        return await _update(control, function, fields, request)


async def delete_function(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a function with all that it has, or one published version of it."""
    name = names.resolve(context, request)
    async with control.changes.lock(name.key):
        if name.qualifier is not None:
            await delete_version(control, name)
            return {"StatusCode": 204}
        function = names.find_function(control.resources, name)
        await control.resources.delete(function, *belongings(control.resources, name.key))
        apply_claims(control, name.key)
        control.invoker.retire(name.key)
    return {"StatusCode": 204}


async def _keep_source(
    control: ControlPlane,
    context: RequestContext,
    source: dict[str, Any],
    *,
    is_image: bool,
    replaced: int = 0,
) -> Code:
    """The code of a function whose package type is settled; it makes room of `replaced` bytes."""
    if is_live(source) and not is_image:
        return await keep_live_code(control, context, source)
    refuse_environments(context, source)
    doing = "creating" if context.operation == "CreateFunction" else "updating"
    if is_image and not source.get("ImageUri"):
        raise invalid_parameter(
            f"Please provide ImageUri when {doing} a function with packageType Image."
        )
    if not is_image and source.get("ImageUri"):
        raise invalid_parameter(
            f"Please don't provide ImageUri when {doing} a function with packageType Zip."
        )
    if is_image:
        return image_code(source)
    caller, sent = context.caller, len(source.get("ZipFile") or b"")
    check_code_storage(control, caller.account_id, caller.region, sent - replaced)
    return await keep_code(control, source)


def _new_version(
    control: ControlPlane, name: FunctionName, code: Code, fields: dict[str, Any]
) -> FunctionVersion:
    return FunctionVersion(
        account_id=name.account_id,
        region=name.region,
        name=name.name,
        version=LATEST,
        code=code,
        revision_id=str(uuid4()),
        last_modified=control.clock.now(),
        state=CREATING,
        **{"runtime": "", "handler": "", **fields},
    )


async def _update(
    control: ControlPlane, function: Function, fields: dict[str, Any], request: dict[str, Any]
) -> dict[str, Any]:
    """Accept a change: it is pending until its code is ready."""
    pending = replace(
        function.latest,
        **fields,
        revision_id=str(uuid4()),
        last_modified=control.clock.now(),
        last_update=UPDATING,
    )
    check_version(pending)
    return await _accept(control, replace(function, pending=pending), request)


async def _accept(
    control: ControlPlane, function: Function, request: dict[str, Any]
) -> dict[str, Any]:
    """Accept a new `$LATEST`, and publish it where the request wants that."""
    await check_size_with_layers(control, function.newest)
    version: FunctionVersion | None = None
    if request.get("PublishTo") == "LATEST_PUBLISHED":
        version = replace(latest_published(function), state=CREATING, last_update=None)
        function = replace(function, pending_published=version)
    elif request.get("Publish"):
        version = last_published(control.resources, function)
        if version is None:
            function, version = published(function)
            version = replace(version, state=CREATING, last_update=None)
    new = [version] if version and version.version != LATEST_PUBLISHED else []
    _check_storage(control, function, new)
    await accept(control, function, *new)
    return function_configuration(version or function.newest)


def _check_storage(
    control: ControlPlane, function: Function, published: list[FunctionVersion]
) -> None:
    """Code that is replaced makes room for what comes."""
    stored = control.resources.find(Function, *function.key)
    before = stored.code_size if stored is not None else 0
    after = function.code_size + sum(version.code_size for version in published)
    account_id, region, _ = function.key
    check_code_storage(control, account_id, region, after - before)


OPERATIONS = {
    "CreateFunction": create_function,
    "DeleteFunction": delete_function,
    "GetFunction": get_function,
    "GetFunctionConfiguration": get_function_configuration,
    "ListFunctions": list_functions,
    "UpdateFunctionCode": update_function_code,
    "UpdateFunctionConfiguration": update_function_configuration,
}
