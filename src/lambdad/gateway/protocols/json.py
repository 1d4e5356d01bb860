"""json: one URL, the operation in the X-Amz-Target header, everything else in a JSON body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from lambdad.gateway.eventstream import (
    CONTENT_TYPE,
    compile_event_writer,
    initial_response,
    written,
)
from lambdad.gateway.http import Request, Response
from lambdad.gateway.protocols.error_body import error_body
from lambdad.gateway.protocols.json_values import decode_json, encode_json, json_values
from lambdad.gateway.protocols.protocol import Fault, Parse, Serialize
from lambdad.gateway.protocols.query_errors import query_error_header


class Json:
    """The protocol json, speaking for one service."""

    def __init__(self, model: ServiceModel) -> None:
        self._values = json_values()
        self._model = model
        self._content_type = f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.1')}"

    def compile_parse(self, operation: OperationModel) -> Parse:
        """The body is the input shape."""
        if operation.input_shape is None:
            return lambda request: {}
        read = self._values.reader(operation.input_shape)

        def parse(request: Request) -> dict[str, Any]:
            parameters: dict[str, Any] = read(decode_json(request.body))
            return parameters

        return parse

    def compile_serialize(self, operation: OperationModel) -> Serialize:
        """The body is the output shape; without one it is empty."""
        shape = operation.output_shape
        if shape is not None and shape.event_stream_name is not None:
            return self._compile_event_stream(shape, shape.event_stream_name)
        write = None if shape is None else self._values.writer(shape)
        headers = {"content-type": self._content_type}

        def serialize(result: Mapping[str, Any], request_id: str) -> Response:
            body = b"" if write is None else encode_json(write(result))
            return Response(200, dict(headers), body)

        return serialize

    def _compile_event_stream(self, shape: StructureShape, name: str) -> Serialize:
        """The body is a stream of events, which ends with its client: what else the output shape
        has is in the first of them."""
        write_others = self._values.writer(shape)
        write = compile_event_writer(shape.members[name], self._json_writer)

        def serialize(result: Mapping[str, Any], request_id: str) -> Response:
            others = {member: value for member, value in result.items() if member != name}
            first = initial_response(encode_json(write_others(others)))
            return Response(
                200,
                {"content-type": CONTENT_TYPE},
                stream=written(result[name], write, first),
                ends_with_client=True,
            )

        return serialize

    def _json_writer(self, shape: Shape) -> Callable[[Any], bytes]:
        to_json = self._values.writer(shape)
        return lambda value: encode_json(to_json(value))

    def serialize_error(self, fault: Fault, request_id: str) -> Response:
        """Code, message and members all stand in the body."""
        body = {"__type": fault.code, **error_body(fault, self._values)}
        headers = {"content-type": self._content_type, **query_error_header(self._model, fault)}
        return Response(fault.status, headers, encode_json(body))
