"""botocore's service models, loaded without clients, and what the gateway compiles from them.

A `ServicePlan` is one service; an `OperationPlan` is how to read, judge and answer one of its
operations, compiled when the operation is first asked for.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from botocore import BOTOCORE_ROOT
from botocore.model import ServiceModel, StructureShape

from lambdad.errors import PlatformError
from lambdad.gateway.http import Request, Response
from lambdad.gateway.protocols import PROTOCOLS
from lambdad.gateway.protocols.protocol import Parse, Serialize, WireProtocol
from lambdad.gateway.protocols.scalars import serialization_error
from lambdad.gateway.validation import Validate, Validation

# Which exception a service answers with when it fails itself; the first that its model declares.
_INTERNAL_ERRORS = (
    *("ServiceException", "InternalServerException", "InternalServerError"),
    "InternalServiceFault",
)
_INTERNAL_FAILURE = "InternalFailure"

_MODELS = Path(BOTOCORE_ROOT) / "data"

_WITH_EVENT_STREAMS = ("json", "rest-json")


@dataclass(frozen=True, slots=True)
class OperationPlan:
    """One operation, ready for use."""

    name: str
    parse: Parse
    validate: Validate
    serialize: Serialize


class ServicePlan:
    """One service in one of its protocols: its model, its operations and exceptions."""

    def __init__(self, model: ServiceModel, protocol: str, excepted: Collection[str] = ()) -> None:
        self.name: str = model.service_name
        self.model = model
        self.protocol_name = protocol
        self.protocol: WireProtocol = PROTOCOLS[protocol](model)
        self._validation = Validation(excepted)
        self._operations: dict[str, OperationPlan] = {}

    def operation(self, name: str) -> OperationPlan:
        """The plan of the operation called `name`, which the model must know."""
        plan = self._operations.get(name)
        if plan is None:
            plan = self._operations[name] = self._compile(name)
        return plan

    @cached_property
    def exceptions(self) -> dict[str, StructureShape]:
        """The model's exceptions by the name of their shape."""
        shapes = self.model.error_shapes
        return {shape.name: shape for shape in shapes if isinstance(shape, StructureShape)}

    @property
    def internal_error(self) -> str:
        """The code for failures of our own."""
        declared = (code for code in _INTERNAL_ERRORS if code in self.exceptions)
        return next(declared, _INTERNAL_FAILURE)

    def _compile(self, name: str) -> OperationPlan:
        model = self.model.operation_model(name)
        # Some write event streams; no operation that is served needs the others.
        streams = model.has_event_stream_output and self.protocol_name not in _WITH_EVENT_STREAMS
        return OperationPlan(
            name=name,
            parse=_bounded(self.protocol.compile_parse(model)),
            validate=self._validation.compile(model.input_shape),
            serialize=_no_event_stream if streams else self.protocol.compile_serialize(model),
        )


def _bounded(parse: Parse) -> Parse:
    """A structure that contains itself ends where the stack does: with the caller's error."""

    def parse_bounded(request: Request) -> dict[str, Any]:
        try:
            return parse(request)
        except RecursionError:
            raise serialization_error("The request is nested too deeply.") from None

    return parse_bounded


def _no_event_stream(result: Mapping[str, Any], request_id: str) -> Response:
    raise PlatformError("Results that are event streams cannot be written yet.")


@cache  # a start asks several times, and each reading takes some milliseconds
def load_service_model(name: str) -> ServiceModel:
    """The model that botocore ships for the service `name`, without its documentation, which is
    two thirds of it.

    botocore's own loader would look into the directories of all services first, and into that of
    the user, whose models are for his clients.
    """
    newest = max((_MODELS / name).glob("*/service-2.json.gz"))  # the directories are dates
    description = json.loads(gzip.decompress(newest.read_bytes()))
    for each in [*description["operations"].values(), *description["shapes"].values()]:
        each.pop("documentation", None)
        for member in each.get("members", {}).values():
            member.pop("documentation", None)
    return ServiceModel(description, service_name=name)


def enum_values(service: str, shape: str) -> list[str]:
    """The values that a string shape of `service` may have, as the model lists them."""
    values: list[str] = load_service_model(service).shape_for(shape).metadata["enum"]
    return values


def error_statuses(service: str) -> dict[str, int]:
    """The HTTP status of every exception of `service`, as the model declares it."""
    shapes = load_service_model(service).error_shapes
    declared = {shape.name: shape.metadata.get("error", {}) for shape in shapes}
    return {
        name: each["httpStatusCode"] for name, each in declared.items() if "httpStatusCode" in each
    }


def nameless_service(protocol: str) -> ServicePlan:
    """A service without operations: what errors are written with when nobody knows the service."""
    description = {"metadata": {"protocol": protocol}, "operations": {}, "shapes": {}}
    return ServicePlan(ServiceModel(description, service_name=""), protocol)


def supported_protocols(model: ServiceModel) -> list[str]:
    """The protocols that clients may speak to the service, as far as they are ours."""
    declared = model.metadata.get("protocols") or [model.metadata["protocol"]]
    supported = [name for name in declared if name in PROTOCOLS]
    if not supported:
        raise PlatformError(
            f"The service {model.service_name} speaks {', '.join(declared)}; the gateway speaks "
            f"{', '.join(sorted(PROTOCOLS))}."
        )
    return supported
