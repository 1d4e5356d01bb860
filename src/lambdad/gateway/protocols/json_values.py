"""JSON bodies by shape: shared by the protocols json and rest-json."""

from __future__ import annotations

import json
from typing import Any

from botocore.model import Shape

from lambdad.gateway.protocols.scalars import (
    UNIX,
    decode_blob,
    encode_blob,
    format_timestamp,
    json_float,
    parse_timestamp,
    serialization_error,
    timestamp_format,
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
from lambdad.model.strict_json import DECODER

_NOT_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_ENCODER = json.JSONEncoder(separators=(",", ":"))


def decode_json(body: bytes) -> Any:
    """Read a JSON document; an empty body is an empty object."""
    try:
        return DECODER.decode(body.decode()) if body else {}
    except (ValueError, RecursionError):
        raise serialization_error("Could not parse request body into json.") from None


def encode_json(value: Any) -> bytes:
    """Write a JSON document."""
    return _ENCODER.encode(value).encode("ascii")


def json_values() -> ShapeValues:
    """How JSON has one service's shapes."""
    return ShapeValues(_scalar_reader, _scalar_writer)


def _scalar_reader(shape: Shape) -> Reader:
    kind = shape.type_name
    if kind in ("integer", "long"):
        return lambda value: read_integer(value, kind)
    if kind == "timestamp":
        form = timestamp_format(shape, UNIX)
        return lambda value: _read_timestamp(value, form)
    return {
        "boolean": read_boolean,
        "blob": _read_blob,
        "float": _read_float,
        "double": _read_float,
    }.get(kind, read_string)


def _scalar_writer(shape: Shape) -> Writer:
    kind = shape.type_name
    if kind == "timestamp":
        form = timestamp_format(shape, UNIX)
        return lambda value: format_timestamp(value, form)
    if kind == "blob":
        return encode_blob
    return json_float if kind in ("float", "double") else same


def _read_float(value: Any) -> float:
    if type(value) is str and value in _NOT_NUMBERS:
        return _NOT_NUMBERS[value]
    return read_float(value)


def _read_blob(value: Any) -> bytes:
    if type(value) is not str:
        raise unconvertible(value, "a Blob")
    return decode_blob(value)


def _read_timestamp(value: Any, form: str) -> Any:
    if type(value) not in (int, float, str):
        raise unconvertible(value, "a Timestamp")
    return parse_timestamp(value, form)
