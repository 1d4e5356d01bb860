"""CBOR bodies by shape: blobs are byte strings, timestamps epoch seconds under tag 1."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import cbor2
from botocore.model import Shape

from lambdad.gateway.protocols.scalars import (
    UNIX,
    format_timestamp,
    parse_timestamp,
    serialization_error,
)
from lambdad.gateway.protocols.shape_values import (
    Reader,
    ShapeValues,
    Writer,
    read_boolean,
    read_float,
    read_integer,
    read_string,
    same,
    unconvertible,
)

_TIMESTAMP = 1
_DEEPEST = 128  # lists, maps and tags within each other


def decode_cbor(body: bytes) -> Any:
    """Read a CBOR document; an empty body is an empty map.

    The library stops at the body's end, whatever lengths stand in it, and at `_DEEPEST`.
    """
    if not body:
        return {}
    try:
        return cbor2.loads(body, max_depth=_DEEPEST, semantic_decoders=_TAGS)
    except cbor2.CBORDecodeError:
        raise serialization_error("Could not parse request body into cbor.") from None


def encode_cbor(value: Any) -> bytes:
    """Write a CBOR document."""
    return cbor2.dumps(value)


def cbor_values() -> ShapeValues:
    """How CBOR has one service's shapes."""
    return ShapeValues(_scalar_reader, _scalar_writer)


class _Tags(dict[int, Callable[[Any, bool], Any]]):
    """Every tag that AWS does not use is refused; the library would make regular expressions,
    values that contain themselves, and numbers of any length."""

    def __missing__(self, tag: int) -> Callable[[Any, bool], Any]:
        return _refuse_tag


def _refuse_tag(value: Any, is_immutable: bool) -> Any:
    raise serialization_error("Could not parse request body into cbor.")


def _tagged_timestamp(value: Any, is_immutable: bool) -> datetime:
    return _read_timestamp(value)


_TAGS = _Tags({_TIMESTAMP: _tagged_timestamp})


def _scalar_reader(shape: Shape) -> Reader:
    kind = shape.type_name
    if kind in ("integer", "long"):
        return lambda value: read_integer(value, kind)
    readers: dict[str, Reader] = {
        "boolean": read_boolean,
        "blob": _read_blob,
        "timestamp": _read_timestamp,
        "float": read_float,
        "double": read_float,
    }
    return readers.get(kind, read_string)


def _scalar_writer(shape: Shape) -> Writer:
    writers: dict[str, Writer] = {
        "blob": _write_blob,
        "timestamp": _write_timestamp,
        "float": float,
        "double": float,
    }
    return writers.get(shape.type_name, same)


def _read_blob(value: Any) -> bytes:
    if type(value) is not bytes:
        raise unconvertible(value, "a Blob")
    return value


def _read_timestamp(value: Any) -> datetime:
    if type(value) is datetime:
        return value
    if type(value) not in (int, float):
        raise unconvertible(value, "a Timestamp")
    return parse_timestamp(value, UNIX)


def _write_blob(value: bytes | bytearray | memoryview | str) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _write_timestamp(value: datetime | float) -> cbor2.CBORTag:
    return cbor2.CBORTag(_TIMESTAMP, format_timestamp(value, UNIX))
