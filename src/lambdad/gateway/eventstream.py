"""Event streams: messages with headers, framed and checked as `application/vnd.amazon.eventstream`.

    total length │ length of headers │ CRC of these │ headers │ payload │ CRC of all before
    each 4 bytes, big-endian

An event is a union with one member, its type: `{"PayloadChunk": {"Payload": b"…"}}`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

from botocore.model import Shape, StructureShape

CONTENT_TYPE = "application/vnd.amazon.eventstream"

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
            head = _event_head(event, "application/octet-stream")
            return lambda members: message(head, members[name])
    head, write = _event_head(event, "application/json"), to_json(shape)
    return lambda members: message(head, write(members))


def _event_head(event: str, content_type: str) -> bytes:
    return encode_headers(
        {":message-type": "event", ":event-type": event, ":content-type": content_type}
    )
