"""Responses that stream: of a handler that returns an iterator, everything that it yields is sent
at once. AWS has no such convention for Python; there such a result is an error, as it is no JSON.

    def handler(event, context):
        yield {"statusCode": 200, "headers": {"content-type": "text/html"}}
        yield "<p>text</p>"
        yield b"bytes"

The first may be an object: what a function URL answers with ahead of the body. All others are text
or bytes.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, NamedTuple

from lambdad_runtime import errors
from lambdad_runtime.errors import Fault
from lambdad_runtime.runtime_api import LambdaRuntimeClient

_HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
_BYTES = "application/octet-stream"
_END_OF_PRELUDE = bytes(8)


def _nothing() -> None:
    pass


class Stream(NamedTuple):
    """A response that has begun."""

    content_type: str
    first: bytes
    rest: Iterator[Any]


def is_stream(response: Any) -> bool:
    """Whether a handler's result is one that streams."""
    return hasattr(type(response), "__next__")


def begin(response: Iterator[Any], to_json: Callable[[Any], bytes]) -> Stream:
    """Run the function up to the first of its response; raises what it raises, or a Fault."""
    first = next(response, b"")
    if not isinstance(first, dict):
        return Stream(_BYTES, to_bytes(first), response)
    try:
        prelude = to_json(first)
    except Exception as error:
        raise Fault(errors.MARSHAL_ERROR, f"Unable to marshal response: {error}") from None
    return Stream(_HTTP_INTEGRATION, prelude + _END_OF_PRELUDE, response)


def send(client: LambdaRuntimeClient, invoke_id: str, stream: Stream) -> None:
    """Send all of it, as it comes to be; raises what the function raises, or a Fault. Of what is
    too large the function does not write the rest."""
    client.begin_stream(invoke_id, stream.content_type, stream.first)
    for piece in stream.rest:
        if not client.write_stream(to_bytes(piece)):
            getattr(stream.rest, "close", _nothing)()
            return


def to_bytes(piece: Any) -> bytes:
    """Something of a response as it is sent."""
    if isinstance(piece, bytes):
        return piece
    if isinstance(piece, str):
        return piece.encode("utf-8", "backslashreplace")
    if isinstance(piece, (bytearray, memoryview)):
        return bytes(piece)
    kind = type(piece).__name__
    message = f"Unable to marshal response: a stream has text or bytes, not {kind}"
    raise Fault(errors.MARSHAL_ERROR, message)
