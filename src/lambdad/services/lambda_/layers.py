"""Layers: publish, get, list and delete their versions.

A version never changes, and its number is never used again. A function that has a version keeps
its content: deleting the version only keeps others from taking it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lambdad.arn import layer_arn
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.layer import Layer, LayerVersion
from lambdad.model.policy import LayerPolicy
from lambdad.model.resource import Resource
from lambdad.services.lambda_.code_links import code_location
from lambdad.services.lambda_.code_sources import keep_code, refuse_environments
from lambdad.services.lambda_.code_storage import check_code_storage
from lambdad.services.lambda_.configuration import code_sha256, timestamp
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.layer_names import (
    LayerName,
    access_denied,
    find_layer_version,
    layer_not_found,
    resolve_layer,
    resolve_own_layer,
    resolve_version_arn,
    resolve_version_number,
)
from lambdad.services.lambda_.layer_permissions import may_use_layer
from lambdad.services.lambda_.paging import page
from lambdad.store.resources import Resources

PAGE_SIZE = 50

# Kinds whose ids are `layer:version`, and which go when the version goes.
BELONGINGS: tuple[type[Resource], ...] = (LayerPolicy,)


async def publish_layer_version(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Keep the content, then the next version of the layer, which comes to be with its first."""
    name = resolve_own_layer(context, request)
    runtimes = request.get("CompatibleRuntimes", ())
    _check_runtimes(control, "compatibleRuntimes", runtimes)
    refuse_environments(context, request["Content"])
    sent = len(request["Content"].get("ZipFile") or b"")
    check_code_storage(control, name.account_id, name.region, sent)
    code = await keep_code(control, request["Content"])
    async with control.changes.lock(name.key, Layer.kind):
        check_code_storage(control, name.account_id, name.region, code.size)
        layer = control.resources.find(Layer, *name.key) or Layer(*name.key, last_version=0)
        layer = replace(layer, last_version=layer.last_version + 1)
        version = LayerVersion(
            *name.key,
            version=layer.last_version,
            code=code,
            created=control.clock.now(),
            description=request.get("Description", ""),
            license_info=request.get("LicenseInfo", ""),
            compatible_runtimes=tuple(runtimes),
            compatible_architectures=tuple(request.get("CompatibleArchitectures", ())),
        )
        await control.resources.save(layer, version)
    return _answer(control, context, version)


async def get_layer_version(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A version, with a link to its content."""
    number = resolve_version_number(request)
    return _get(control, context, resolve_layer(context, request), number)


async def get_layer_version_by_arn(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The same by the version's ARN."""
    return _get(control, context, *resolve_version_arn(context, request["Arn"]))


async def list_layers(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the caller's layers by name, each with its latest version that fits."""
    _check_filter(control, request)
    caller = context.caller
    layers = control.resources.list(
        Layer, caller.account_id, caller.region, after=request.get("Marker", "")
    )
    latest = (version for layer in layers if (version := _latest(control, layer, request)))
    found, following = page(latest, request, lambda each: each.name, largest=PAGE_SIZE)
    return {"Layers": [_listed_layer(each) for each in found], **following}


async def list_layer_versions(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of a layer's versions that fit, the newest first. A layer that never was has none:
    whether AWS has an error for it, its documentation does not say."""
    _check_filter(control, request)
    name = resolve_own_layer(context, request)
    before = _read_marker(request.get("Marker"))
    versions = (
        each
        for each in _newest_first(control.resources, name)
        if (before is None or each.version < before) and _fits(each, request)
    )
    found, following = page(versions, request, lambda each: str(each.version), largest=PAGE_SIZE)
    return {"LayerVersions": [_listed(each) for each in found], **following}


async def delete_layer_version(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a version and what belongs to it; it is no error when there is none."""
    number = resolve_version_number(request)
    name = resolve_own_layer(context, request)
    async with control.changes.lock(name.key, Layer.kind):
        version = find_layer_version(control, name, number)
        if version is not None:
            belongings = (
                each for kind in BELONGINGS for each in control.resources.beneath(kind, version.key)
            )
            await control.resources.delete(version, *belongings)
    return {}


def _get(
    control: ControlPlane, context: RequestContext, name: LayerName, number: int
) -> dict[str, Any]:
    version = find_layer_version(control, name, number)
    if name.account_id == context.caller.account_id and version is None:
        raise layer_not_found()
    if version is None or not may_use_layer(control, context.caller.account_id, version):
        raise access_denied(context.caller, "GetLayerVersion", f"{name.arn}:{number}")
    return _answer(control, context, version)


def _latest(control: ControlPlane, layer: Layer, request: Mapping[str, Any]) -> LayerVersion | None:
    versions = _newest_first(control.resources, LayerName(*layer.key))
    return next((each for each in versions if _fits(each, request)), None)


def _newest_first(resources: Resources, name: LayerName) -> list[LayerVersion]:
    versions = resources.beneath(LayerVersion, name.key)
    return sorted(versions, key=lambda each: each.version, reverse=True)


def _fits(version: LayerVersion, request: Mapping[str, Any]) -> bool:
    runtime = request.get("CompatibleRuntime")
    architecture = request.get("CompatibleArchitecture")
    return runtime in (None, *version.compatible_runtimes) and architecture in (
        None,
        *version.compatible_architectures,
    )


def _read_marker(marker: str | None) -> int | None:
    if not marker:
        return None
    if not (marker.isascii() and marker.isdigit() and len(marker) < 20):
        raise ClientError(
            "InvalidParameterValueException", f"The marker {marker[:100]} is not valid."
        )
    return int(marker)


def _check_filter(control: ControlPlane, request: Mapping[str, Any]) -> None:
    if "CompatibleRuntime" in request:
        _check_runtimes(control, "compatibleRuntime", [request["CompatibleRuntime"]])


def _check_runtimes(control: ControlPlane, path: str, runtimes: Sequence[str]) -> None:
    """Refuse what is no runtime of AWS's. The gateway leaves runtimes alone, for the sake of
    CreateFunction, which has an error of its own for them."""
    known = control.known_runtimes
    if not known or set(runtimes) <= set(known):
        return
    value, rule = ", ".join(runtimes), f"Member must satisfy enum value set: [{', '.join(known)}]"
    if path == "compatibleRuntimes":
        value, rule = f"[{value}]", f"Member must satisfy constraint: [{rule}]"
    raise ClientError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: "
        f"{rule}",
        status=400,
    )


def _answer(
    control: ControlPlane, context: RequestContext, version: LayerVersion
) -> dict[str, Any]:
    return {
        "Content": {
            "Location": code_location(control, context, version.code),
            "CodeSha256": code_sha256(version),
            "CodeSize": version.code.size,
        },
        "LayerArn": layer_arn(version.account_id, version.region, version.name),
        **_listed(version),
    }


def _listed(version: LayerVersion) -> dict[str, Any]:
    """A version as AWS's LayerVersionsListItem."""
    optional = {
        "CompatibleRuntimes": list(version.compatible_runtimes),
        "CompatibleArchitectures": list(version.compatible_architectures),
        "LicenseInfo": version.license_info,
    }
    return {
        "LayerVersionArn": version.arn,
        "Version": version.version,
        "Description": version.description,
        "CreatedDate": timestamp(version.created),
        **{member: value for member, value in optional.items() if value},
    }


def _listed_layer(latest: LayerVersion) -> dict[str, Any]:
    return {
        "LayerName": latest.name,
        "LayerArn": layer_arn(latest.account_id, latest.region, latest.name),
        "LatestMatchingVersion": _listed(latest),
    }


OPERATIONS = {
    "DeleteLayerVersion": delete_layer_version,
    "GetLayerVersion": get_layer_version,
    "GetLayerVersionByArn": get_layer_version_by_arn,
    "ListLayerVersions": list_layer_versions,
    "ListLayers": list_layers,
    "PublishLayerVersion": publish_layer_version,
}
