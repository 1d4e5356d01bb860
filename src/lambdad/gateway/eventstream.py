"""Event streams: messages with headers, framed and checked as `application/vnd.amazon.eventstream`.

    total length │ length of headers │ CRC of these │ headers │ payload │ CRC of all before
    each 4 bytes, big-endian

An event is a union with one member, its type: `{"PayloadChunk": {"Payload": b"…"}}`. The protocols
that have no headers of their own for a result's other members tell these in a first event.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from zlib import crc32

from botocore.model import Shape, StructureShape

from lambdad.gateway.http import close_stream

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_JSON = "application/json"
_STRING = 7  # the type of a header's value
_PRELUDE = struct.Struct("!II")
_WORD = struct.Struct("!I")

WriteEvent = Callable[[Mapping[str, Any]], bytes]


def compile_event_writer(
    shape: Shape, to_json: Callable[[Shape], Callable[[Any], bytes]]
) -> WriteEvent:
    """What writes events of an event stream's shape; `to_json` makes writers of JSON bodies."""
    assert isinstance(shape, StructureShape)
    writers = {name: _event_writer(name, member, to_json) for name, member in shape.members.items()}

    def write(event: Mapping[str, Any]) -> bytes:
        ((name, members),) = event.items()
        return writers[name](members)

    return write


async def written(
    events: AsyncIterator[Mapping[str, Any]], write: WriteEvent, first: bytes = b""
) -> AsyncIterator[bytes]:
    """Events as they come, behind what is written first."""
    try:
        if first:
            yield first
        async for event in events:
            yield write(event)
    finally:
        await close_stream(events)


def initial_response(body: bytes) -> bytes:
    """The event that tells a result's other members."""
    return message(_head("event", "initial-response", _JSON), body)


def message(head: bytes, payload: bytes) -> bytes:
    """One message with its checksums; `head` is what `encode_headers` made."""
    total = _PRELUDE.size + len(head) + len(payload) + 2 * _WORD.size
    prelude = _PRELUDE.pack(total, len(head))
    before = prelude + _WORD.pack(crc32(prelude)) + head
    return b"".join((before, payload, _WORD.pack(crc32(payload, crc32(before)))))


def encode_headers(headers: Mapping[str, str]) -> bytes:
    """The headers of a message."""
    return b"".join(map(_header, headers, headers.values()))


def _header(name: str, value: str) -> bytes:
    text = value.encode()
    return (
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(text)) + text
    )


def _event_writer(
    event: str, shape: Shape, to_json: Callable[[Shape], Callable[[Any], bytes]]
) -> Callable[[Mapping[str, Any]], bytes]:
    """A blob that is the event's payload goes as it is; other members make a JSON body."""
    assert isinstance(shape, StructureShape)
    for name, member in shape.members.items():
        if member.serialization.get("eventpayload") and member.type_name == "blob":
            head = _head("event", event, "application/octet-stream")
            return lambda members: message(head, members[name])
    kind = "exception" if shape.metadata.get("exception") else "event"
    head, write = _head(kind, event, _JSON), to_json(shape)
    return lambda members: message(head, write(members))


def _head(kind: str, event: str, content_type: str) -> bytes:
    return encode_headers(
        {":message-type": kind, f":{kind}-type": event, ":content-type": content_type}
    )
