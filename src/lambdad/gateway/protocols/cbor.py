"""smithy-rpc-v2-cbor: service and operation in the path, everything else in a CBOR body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel

from lambdad.gateway.http import Request, Response
from lambdad.gateway.protocols.cbor_values import cbor_values, decode_cbor, encode_cbor
from lambdad.gateway.protocols.error_body import error_body
from lambdad.gateway.protocols.protocol import Fault, Parse, Serialize
from lambdad.gateway.protocols.query_errors import query_error_header

# Clients refuse an answer without the first.
_PROTOCOL = {"smithy-protocol": "rpc-v2-cbor"}
_HEADERS = {**_PROTOCOL, "content-type": "application/cbor"}


class Cbor:
    """The protocol smithy-rpc-v2-cbor, speaking for one service."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._values = cbor_values()

    def compile_parse(self, operation: OperationModel) -> Parse:
        """The body is the input shape."""
        if operation.input_shape is None:
            return lambda request: {}
        read = self._values.reader(operation.input_shape)

        def parse(request: Request) -> dict[str, Any]:
            parameters: dict[str, Any] = read(decode_cbor(request.body))
            return parameters

        return parse

    def compile_serialize(self, operation: OperationModel) -> Serialize:
        """The body is the output shape; without one there is none, and no type of it."""
        if operation.output_shape is None:
            return lambda result, request_id: Response(200, dict(_PROTOCOL))
        write = self._values.writer(operation.output_shape)

        def serialize(result: Mapping[str, Any], request_id: str) -> Response:
            return Response(200, dict(_HEADERS), encode_cbor(write(result)))

        return serialize

    def serialize_error(self, fault: Fault, request_id: str) -> Response:
        """Code, message and members all stand in the body."""
        body = {"__type": fault.code, **error_body(fault, self._values)}
        headers = {**_HEADERS, **query_error_header(self._model, fault)}
        return Response(fault.status, headers, encode_cbor(body))
