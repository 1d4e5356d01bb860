"""`Layers` of a function: which layer versions it may have, and how large they may be together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from lambdad.arn import LayerIdentifier, layer_arn, parse_layer_identifier
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import Caller
from lambdad.model.deployment_package import unzipped_size
from lambdad.model.function import AttachedLayer, FunctionVersion
from lambdad.model.layer import Layer, LayerVersion
from lambdad.model.limits import CODE_UNZIPPED, LAYERS
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.layer_names import access_denied
from lambdad.services.lambda_.layer_permissions import may_use_layer


def attached_layers(
    control: ControlPlane, caller: Caller, request: Mapping[str, Any]
) -> dict[str, tuple[AttachedLayer, ...]]:
    """The field `layers` of a version, if `request` sets it. Whether a layer fits the function's
    runtime is not looked at, as at AWS."""
    if "Layers" not in request:
        return {}
    arns: Sequence[str] = request["Layers"]
    if len(arns) > LAYERS:
        raise invalid_parameter(f"Cannot reference more than {LAYERS} layers.")
    found = [_find(control, caller, arn) for arn in arns]
    _refuse_two_versions(found)
    return {"layers": tuple(AttachedLayer(each.arn, each.code) for each in found)}


async def check_size_with_layers(control: ControlPlane, version: FunctionVersion) -> None:
    """Refuse a function whose code and layers are too large together."""
    if not version.layers:
        return
    packages = [control.blobs.path(code.sha256) for code in version.codes]
    size = await asyncio.to_thread(lambda: sum(map(unzipped_size, packages)))
    if size > CODE_UNZIPPED:
        raise invalid_parameter(
            "Function code combined with layers exceeds the maximum allowed size of "
            f"{CODE_UNZIPPED} bytes. The actual size is {size} bytes."
        )


def _find(control: ControlPlane, caller: Caller, arn: str) -> LayerVersion:
    written = parse_layer_identifier(arn)
    if written is None or written.version is None:
        raise _not_here(arn)
    if written.region != caller.region:
        raise invalid_parameter(
            "Layers are not in the same region as the function. Layers are expected to be in "
            f"region {caller.region}. {_how_to_import(arn)}"
        )
    key = (written.account_id or "", caller.region, f"{written.name}:{written.version}")
    version = control.resources.find(LayerVersion, *key)
    if version is not None and may_use_layer(control, caller.account_id, version):
        return version
    if written.account_id == caller.account_id:
        raise invalid_parameter(f"Layer version {arn} does not exist.")
    raise _refusal_of_stranger(control, caller, written, arn)


def _refusal_of_stranger(
    control: ControlPlane, caller: Caller, written: LayerIdentifier, arn: str
) -> ClientError:
    """A layer of an account that publishes here is denied whether or not it exists; nobody learns
    which. One of an account that does not is AWS's."""
    accounts = {layer.account_id for layer in control.resources.all(Layer)}
    if written.account_id in accounts:
        return access_denied(caller, "GetLayerVersion", arn)
    return _not_here(arn)


def _not_here(arn: str) -> ClientError:
    return invalid_parameter(f"Layer version {arn} is not on this server. {_how_to_import(arn)}")


def _how_to_import(arn: str) -> str:
    return (
        "To have a layer of AWS's here, download it there (`aws lambda get-layer-version-by-arn "
        f"--arn {arn}` answers with a link) and publish the zip here (`aws lambda "
        "publish-layer-version`)."
    )


def _refuse_two_versions(versions: Sequence[LayerVersion]) -> None:
    seen: dict[str, str] = {}
    for version in versions:
        layer = layer_arn(version.account_id, version.region, version.name)
        if layer in seen:
            raise invalid_parameter(
                "Two different versions of the same layer are not allowed to be referenced in the "
                f"same function. {version.arn} and {seen[layer]} are versions of the same layer."
            )
        seen[layer] = version.arn
