"""Functions: create, get, list, update, delete."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any
from uuid import uuid4

from lambdad.arn import LATEST
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.deployment_package import validate_zip
from lambdad.model.function import Code, Function, FunctionVersion
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.code_links import code_location
from lambdad.services.lambda_.configuration import function_configuration, listed_configuration
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.parameters import (
    changed_fields,
    check_architectures,
    checked_tags,
    default_settings,
)
from lambdad.services.lambda_.taking_effect import (
    CREATING,
    UPDATING,
    accept,
    changing,
    is_pending,
)
from lambdad.services.lambda_.unsupported import refuse_unsupported

PAGE_SIZE = 50

_NOT_NOW = "The operation cannot be performed at this time."


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
    fields = changed_fields(control, request, default_settings(control, name.name))
    tags = checked_tags(request.get("Tags", {}))
    async with control.changes.lock(name.key):
        if control.functions.find(*name.key):
            raise ClientError("ResourceConflictException", f"Function already exist: {name.name}")
        code = await _keep_package(control, request["Code"].get("ZipFile"))
        version = _new_version(control, name, code, fields)
        await accept(control, Function(version, tags))
    return function_configuration(version)


async def get_function(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Configuration, a link to the package, tags."""
    name = names.resolve(context, request)
    function = names.find(control.functions, name)
    version = changing(function)
    answer = {
        "Configuration": function_configuration(version, is_qualified=name.qualifier is not None),
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
    version = changing(names.find(control.functions, name))
    return function_configuration(version, is_qualified=name.qualifier is not None)


async def list_functions(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the caller's functions, by name; the marker is the last name of the page."""
    if request.get("MasterRegion", "ALL") != "ALL":
        return {"Functions": []}  # replicas of another region's functions: there are none
    caller = context.caller
    marker = request.get("Marker", "")
    functions = control.functions.list(caller.account_id, caller.region)
    rest = [function for function in functions if function.name > marker]
    page = rest[: min(request.get("MaxItems", PAGE_SIZE), PAGE_SIZE)]
    is_qualified = request.get("FunctionVersion") == "ALL"
    listed = [listed_configuration(changing(each), is_qualified=is_qualified) for each in page]
    following = {"NextMarker": page[-1].name} if len(page) < len(rest) else {}
    return {"Functions": listed, **following}


async def update_function_code(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Replace the package; DryRun only looks at it."""
    refuse_unsupported(request)
    check_architectures(control, request.get("Architectures"))
    name = names.resolve_latest(context, request)
    async with control.changes.lock(name.key):
        function = _changeable(control, name, request.get("RevisionId"))
        content = request.get("ZipFile")
        if request.get("DryRun"):
            await _validate_package(content)
            return function_configuration(function.latest)
        code = await _keep_package(control, content)
        return await _update(control, function, {"code": code})


async def update_function_configuration(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Change what the request names, and nothing else."""
    refuse_unsupported(request)
    name = names.resolve_latest(context, request)
    async with control.changes.lock(name.key):
        function = _changeable(control, name, request.get("RevisionId"))
        fields = changed_fields(control, request, function.latest.settings)
        return await _update(control, function, fields)


async def delete_function(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a function with all that it has."""
    name = names.resolve(context, request)
    async with control.changes.lock(name.key):
        names.find(control.functions, name)
        if name.qualifier == LATEST:
            raise _invalid("$LATEST version cannot be deleted without deleting the function.")
        await control.functions.delete(name.key)
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
    control: ControlPlane, function: Function, fields: dict[str, Any]
) -> dict[str, Any]:
    """Accept a change: it is pending until its code is ready."""
    pending = replace(
        function.latest,
        **fields,
        revision_id=str(uuid4()),
        last_modified=control.clock.now(),
        last_update=UPDATING,
    )
    await accept(control, replace(function, pending=pending))
    return function_configuration(pending)


def _changeable(control: ControlPlane, name: FunctionName, revision_id: str | None) -> Function:
    """The function, unless it cannot be changed now or is not what the caller thinks it is."""
    function = names.find(control.functions, name)
    if is_pending(function):
        raise ClientError(
            "ResourceConflictException",
            f"{_NOT_NOW} The function is currently in the following state: Pending",
        )
    if function.pending is not None:
        raise ClientError(
            "ResourceConflictException",
            f"{_NOT_NOW} An update is in progress for resource: {name.unqualified_arn}",
        )
    if revision_id and revision_id != function.latest.revision_id:
        raise ClientError(
            "PreconditionFailedException",
            "The RevisionId provided does not match the latest RevisionId. Call the "
            "GetFunction/GetAlias API to retrieve the latest RevisionId",
        )
    return function


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
