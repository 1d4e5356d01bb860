"""rest-json: parameters in path, query string, headers and a JSON (or raw) body."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape

from lambdad.gateway import eventstream
from lambdad.gateway.eventstream import WriteEvent, compile_event_writer, written
from lambdad.gateway.http import Request, Response
from lambdad.gateway.protocols.error_body import body_members, error_body
from lambdad.gateway.protocols.json_values import decode_json, encode_json, json_values
from lambdad.gateway.protocols.protocol import Fault, Parse, Serialize
from lambdad.gateway.protocols.scalars import (
    ISO8601,
    RFC822,
    serialization_error,
    text_reader,
    text_writer,
)
from lambdad.gateway.protocols.shape_values import (
    Writer,
    read_members,
    wire_name,
    write_members,
)

CONTENT_TYPE = "application/json"

# Each step moves members of one location between a message and the parameters.
_ReadStep = Callable[[Request, dict[str, Any]], None]
_WriteStep = Callable[[Mapping[str, Any], Response], None]
_Step = TypeVar("_Step", _ReadStep, _WriteStep)
_Members = list[tuple[str, Shape]]


class RestJson:
    """The protocol rest-json, speaking for one service."""

    def __init__(self, model: ServiceModel) -> None:
        self._values = json_values()

    def compile_parse(self, operation: OperationModel) -> Parse:
        """Read the locations one after the other."""
        steps = self._read_steps(operation.input_shape)

        def parse(request: Request) -> dict[str, Any]:
            parameters: dict[str, Any] = {}
            for step in steps:
                step(request, parameters)
            return parameters

        return parse

    def compile_serialize(self, operation: OperationModel) -> Serialize:
        """Write the locations one after the other."""
        status = int(operation.http.get("responseCode", 200))
        steps = self._write_steps(operation.output_shape)

        def serialize(result: Mapping[str, Any], request_id: str) -> Response:
            response = Response(status, {"content-type": CONTENT_TYPE})
            for step in steps:
                step(result, response)
            return response

        return serialize

    def serialize_error(self, fault: Fault, request_id: str) -> Response:
        """The code stands in a header, the rest in the body."""
        headers = {"content-type": CONTENT_TYPE, "x-amzn-ErrorType": fault.code}
        if fault.shape is not None:
            for name, member in _at(fault.shape, "header"):
                if fault.members.get(name) is not None:
                    headers[wire_name(name, member)] = str(fault.members[name])
        return Response(fault.status, headers, encode_json(error_body(fault, self._values)))

    def _read_steps(self, shape: StructureShape | None) -> list[_ReadStep]:
        if shape is None:
            return []
        steps = [
            *(_read_label(name, member) for name, member in _at(shape, "uri")),
            *_together(_read_query_fields, _at(shape, "querystring")),
            *_together(_read_header_fields, _at(shape, "header")),
            *(_read_headers(name, member) for name, member in _at(shape, "headers")),
        ]
        payload = shape.serialization.get("payload")
        if payload is not None:
            steps.append(self._read_payload(payload, shape.members[payload]))
        elif body_members(shape):
            steps.append(self._read_body(shape))
        return steps

    def _read_payload(self, name: str, shape: Shape) -> _ReadStep:
        if shape.type_name == "blob":
            return lambda request, parameters: parameters.__setitem__(name, request.body)
        if shape.type_name == "string":
            return lambda request, parameters: parameters.__setitem__(name, _text(request.body))
        read = self._values.reader(shape)

        def step(request: Request, parameters: dict[str, Any]) -> None:
            if request.body:
                parameters[name] = read(decode_json(request.body))

        return step

    def _read_body(self, shape: StructureShape) -> _ReadStep:
        members = {
            wire_name(name, member): (name, self._values.reader(member))
            for name, member in body_members(shape)
        }
        return lambda request, parameters: parameters.update(
            read_members(decode_json(request.body), members)
        )

    def _write_steps(self, shape: StructureShape | None) -> list[_WriteStep]:
        if shape is None:
            return []
        steps = [
            *(_write_status(name) for name, _ in _at(shape, "statusCode")),
            *_together(_write_header_fields, _at(shape, "header")),
            *(_write_headers(name, member) for name, member in _at(shape, "headers")),
        ]
        payload = shape.serialization.get("payload")
        if payload is not None:
            steps.append(self._write_payload(payload, shape.members[payload]))
        else:
            steps.append(self._write_body(shape))
        return steps

    def _write_payload(self, name: str, shape: Shape) -> _WriteStep:
        if shape.serialization.get("eventstream"):
            return _write_event_stream(name, compile_event_writer(shape, self._json_writer))
        write = _raw if shape.type_name in ("blob", "string") else self._json_writer(shape)

        def step(result: Mapping[str, Any], response: Response) -> None:
            value = result.get(name)
            if value is not None:
                response.body = write(value)

        return step

    def _json_writer(self, shape: Shape) -> Writer:
        to_json = self._values.writer(shape)
        return lambda value: encode_json(to_json(value))

    def _write_body(self, shape: StructureShape) -> _WriteStep:
        members = {
            name: (wire_name(name, member), self._values.writer(member))
            for name, member in body_members(shape)
        }

        def step(result: Mapping[str, Any], response: Response) -> None:
            response.body = encode_json(write_members(result, members))

        return step


def _at(shape: StructureShape, location: str) -> list[tuple[str, Shape]]:
    return [
        (name, member)
        for name, member in shape.members.items()
        if member.serialization.get("location") == location
    ]


def _together(compile_step: Callable[[_Members], _Step], members: _Members) -> list[_Step]:
    """One step for all members of a location, and none for none."""
    return [compile_step(members)] if members else []


def _read_label(name: str, shape: Shape) -> _ReadStep:
    label, read = wire_name(name, shape), text_reader(shape, ISO8601)
    return lambda request, parameters: parameters.__setitem__(name, read(request.labels[label]))


def _read_query_fields(members: _Members) -> _ReadStep:
    fields = [(name, wire_name(name, shape), _query_reader(shape)) for name, shape in members]

    def step(request: Request, parameters: dict[str, Any]) -> None:
        query = request.query
        if query:
            for name, key, read in fields:
                texts = query.get(key)
                if texts is not None:
                    parameters[name] = read(texts)

    return step


def _query_reader(shape: Shape) -> Callable[[list[str]], Any]:
    if isinstance(shape, ListShape):
        read_item = text_reader(shape.member, ISO8601)
        return lambda texts: [read_item(text) for text in texts]
    read = text_reader(shape, ISO8601)
    return lambda texts: read(texts[0])


def _read_header_fields(members: _Members) -> _ReadStep:
    fields = [
        (name, wire_name(name, shape).lower().encode(), _header_reader(shape))
        for name, shape in members
    ]

    def step(request: Request, parameters: dict[str, Any]) -> None:
        headers = request.headers
        for name, key, read in fields:
            value = headers.get(key)
            if value is not None:
                parameters[name] = read(value.decode("latin-1"))

    return step


def _header_reader(shape: Shape) -> Callable[[str], Any]:
    if isinstance(shape, ListShape):
        read = text_reader(shape.member, RFC822)
        return lambda text: [read(item.strip()) for item in text.split(",")]
    return text_reader(shape, RFC822)


def _read_headers(name: str, shape: Shape) -> _ReadStep:
    prefix = wire_name(name, shape).lower().encode()

    def step(request: Request, parameters: dict[str, Any]) -> None:
        parameters[name] = {
            key.removeprefix(prefix).decode("latin-1"): value.decode("latin-1")
            for key, value in request.headers.items()
            if key.startswith(prefix)
        }

    return step


def _write_status(name: str) -> _WriteStep:
    def step(result: Mapping[str, Any], response: Response) -> None:
        if result.get(name) is not None:
            response.status = int(result[name])

    return step


def _write_header_fields(members: _Members) -> _WriteStep:
    fields = [
        (name, wire_name(name, shape).lower(), _header_writer(shape)) for name, shape in members
    ]

    def step(result: Mapping[str, Any], response: Response) -> None:
        for name, key, write in fields:
            value = result.get(name)
            if value is not None:
                response.headers[key] = write(value)

    return step


def _header_writer(shape: Shape) -> Callable[[Any], str]:
    if isinstance(shape, ListShape):
        write = text_writer(shape.member, RFC822)
        return lambda value: ",".join(map(write, value))
    return text_writer(shape, RFC822)


def _write_headers(name: str, shape: Shape) -> _WriteStep:
    prefix = wire_name(name, shape).lower()

    def step(result: Mapping[str, Any], response: Response) -> None:
        for key, value in (result.get(name) or {}).items():
            response.headers[f"{prefix}{key}"] = str(value)

    return step


def _write_event_stream(name: str, write: WriteEvent) -> _WriteStep:
    """Events are written when they come; those of a result that is there already, at once."""

    def step(result: Mapping[str, Any], response: Response) -> None:
        response.headers["content-type"] = eventstream.CONTENT_TYPE
        events = result.get(name) or ()
        if isinstance(events, AsyncIterator):
            response.stream = written(events, write)
        else:
            response.body = b"".join(map(write, events))

    return step


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise serialization_error("The body is not valid UTF-8.") from None


def _raw(value: bytes | bytearray | str) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)
