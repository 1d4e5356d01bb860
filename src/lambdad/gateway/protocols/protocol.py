"""What the gateway asks of a wire protocol.

A protocol object speaks for one service. It turns a routed request into exactly the parameters
that the caller gave to his client, and a result into what his client returns: AWS-cased keys,
blobs as bytes, timestamps as aware datetimes (a result may also carry epoch seconds).
Both directions are compiled once for each operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.model import OperationModel, ServiceModel, StructureShape

from lambdad.gateway.http import Request, Response

Parse = Callable[[Request], dict[str, Any]]
Serialize = Callable[[Mapping[str, Any], str], Response]


@dataclass(frozen=True, slots=True)
class Fault:
    """An error on its way to the wire. `shape` is its exception in the service's model, if any."""

    code: str
    message: str
    status: int
    shape: StructureShape | None = None
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_senders(self) -> bool:
        """Whether the caller is to blame."""
        return self.status < 500


class WireProtocol(Protocol):
    """One AWS protocol, speaking for one service."""

    def compile_parse(self, operation: OperationModel) -> Parse:
        """How to read a request of `operation`; its own mistakes are ClientErrors."""

    def compile_serialize(self, operation: OperationModel) -> Serialize:
        """How to write (result, request id) of `operation`."""

    def serialize_error(self, fault: Fault, request_id: str) -> Response:
        """Write `fault` in the protocol's error form."""


NewProtocol = Callable[[ServiceModel], WireProtocol]
