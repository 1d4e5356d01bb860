"""Functions: create, get, list, update, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

from lambdad.arn import LATEST
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.deployment_package import validate_zip
from lambdad.model.function import Code, Function, FunctionVersion
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.belongings import belongings
from lambdad.services.lambda_.code_links import code_location
from lambdad.services.lambda_.configuration import function_configuration, listed_configuration
from lambdad.services.lambda_.control_plane import ControlPlane
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
    if not (request.get("Runtime") and request.get("Handler")):
        raise _invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
    check_architectures(control, request.get("Architectures"))
    checked_file_systems(control, context, request)
    fields = changed_fields(control, request, default_settings(control, name.name))
    tags = checked_tags(request.get("Tags", {}))
    async with control.changes.lock(name.key):
        if control.resources.find(Function, *name.key):
            raise ClientError("ResourceConflictException", f"Function already exist: {name.name}")
        code = await _keep_code(control, context, request["Code"])
        version = _new_version(control, name, code, fields)
        return await _accept(control, Function(version, tags), request)


async def get_function(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Configuration, a link to the package, tags."""
    name = names.resolve(context, request)
    function = names.find_function(control.resources, name)
    version = names.find_version(control.resources, name)
    answer = {
        "Configuration": function_configuration(version, qualifier=name.qualifier),
        "Code": {
            "RepositoryType": "S3",
            "Location": code_location(control, context, version.code),
        },
    }
    return {**answer, "Tags": function.tags} if function.tags else answer


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
        if request.get("DryRun"):
            if is_live(request):
                await keep_live_code(control, context, request)
            else:
                await _validate_package(request.get("ZipFile"))
            return function_configuration(function.latest)
        code = await _keep_code(control, context, request)
        return await _update(control, function, {"code": code}, request)


async def update_function_configuration(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change what the request names, and nothing else."""
    refuse_unsupported(request)
    name = names.resolve_latest(context, request)
    async with control.changes.lock(name.key):
        function = changeable(control, name, request.get("RevisionId"))
        refuse_from_inside(context, function.latest)
        checked_file_systems(control, context, request)
        fields = changed_fields(control, request, function.latest.settings)
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
        control.invoker.retire(name.key)
    return {"StatusCode": 204}


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
        **fields,
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
    return await _accept(control, replace(function, pending=pending), request)


async def _accept(
    control: ControlPlane, function: Function, request: dict[str, Any]
) -> dict[str, Any]:
    """Accept a new `$LATEST`, and publish it where the request wants that."""
    version: FunctionVersion | None = None
    if request.get("PublishTo") == "LATEST_PUBLISHED":
        version = replace(latest_published(function), state=CREATING)
    elif request.get("Publish"):
        version = last_published(control.resources, function)
        if version is None:
            function, version = published(function)
            version = replace(version, state=CREATING, last_update=None)
    await accept(control, function, *([version] if version else []))
    return function_configuration(version or function.newest)


async def _keep_code(
    control: ControlPlane, context: RequestContext, source: dict[str, Any]
) -> Code:
    if is_live(source):
        return await keep_live_code(control, context, source)
    return await _keep_package(control, source.get("ZipFile"))


async def _keep_package(control: ControlPlane, content: bytes | None) -> Code:
    """Validate and keep a package; it is on disk before the function that names it."""
    zipped = await _validate_package(content)
    return Code(sha256=await control.blobs.put(zipped), size=len(zipped))


async def _validate_package(content: bytes | None) -> bytes:
    if content is None:
        raise _invalid("Please provide a source for function code.")
    await asyncio.to_thread(validate_zip, content)
    return content


def _invalid(message: str) -> ClientError:
    return ClientError("InvalidParameterValueException", message)


OPERATIONS = {
    "CreateFunction": create_function,
    "DeleteFunction": delete_function,
    "GetFunction": get_function,
    "GetFunctionConfiguration": get_function_configuration,
    "ListFunctions": list_functions,
    "UpdateFunctionCode": update_function_code,
    "UpdateFunctionConfiguration": update_function_configuration,
}
