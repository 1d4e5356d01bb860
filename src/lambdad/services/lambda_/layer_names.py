"""Which layer a request means: LayerName as a name or an ARN, VersionNumber, and whole ARNs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdad.arn import LayerIdentifier, layer_arn, parse_layer_identifier
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.layer import LayerVersion
from lambdad.model.resource import Key
from lambdad.services.lambda_.control_plane import ControlPlane


@dataclass(frozen=True, slots=True)
class LayerName:
    """The layer that a request means."""

    account_id: str
    region: str
    name: str

    @property
    def key(self) -> Key:
        """Where the layer lives."""
        return (self.account_id, self.region, self.name)

    @property
    def arn(self) -> str:
        return layer_arn(*self.key)


def resolve_layer(context: RequestContext, request: Mapping[str, Any]) -> LayerName:
    """Read LayerName of a request, which may be of another account."""
    text = request["LayerName"]
    written = parse_layer_identifier(text)
    if written is None or written.version is not None:
        raise invalid_parameter(f"{text} is neither the name nor the ARN of a layer.")
    return _in_region(context.caller, written)


def resolve_own_layer(context: RequestContext, request: Mapping[str, Any]) -> LayerName:
    """The same for operations that only the layer's own account may do."""
    name = resolve_layer(context, request)
    if name.account_id != context.caller.account_id:
        raise access_denied(context.caller, context.operation, name.arn)
    return name


def resolve_version_number(request: Mapping[str, Any]) -> int:
    """Read VersionNumber of a request."""
    number = int(request["VersionNumber"])
    if number < 1:
        raise invalid_parameter("Layer Version Cannot be less than 1")
    return number


def resolve_version_arn(context: RequestContext, arn: str) -> tuple[LayerName, int]:
    """Read the ARN of a layer version."""
    written = parse_layer_identifier(arn)
    if written is None or written.version is None:
        raise layer_not_found()
    return _in_region(context.caller, written), written.version


def find_layer_version(control: ControlPlane, name: LayerName, version: int) -> LayerVersion | None:
    """The version, whoever asks."""
    account_id, region, layer = name.key
    return control.resources.find(LayerVersion, account_id, region, f"{layer}:{version}")


def layer_not_found() -> ClientError:
    """AWS's error for what does not exist."""
    return ClientError("ResourceNotFoundException", "The resource you requested does not exist.")


def access_denied(caller: Caller, operation: str, arn: str) -> ClientError:
    """AWS's error for another account's layer; it does not tell whether there is one."""
    return ClientError(
        "AccessDeniedException",
        f"User: {caller.arn} is not authorized to perform: lambda:{operation} on resource: {arn} "
        f"because no resource-based policy allows the lambda:{operation} action",
        status=403,
    )


def _in_region(caller: Caller, written: LayerIdentifier) -> LayerName:
    if written.region not in (None, caller.region):
        raise ClientError(
            "ResourceNotFoundException",
            f"Layers from '{written.region}' are not reachable in this region ('{caller.region}')",
        )
    return LayerName(written.account_id or caller.account_id, caller.region, written.name)
