"""Numbers, booleans, blobs and timestamps: as text (URIs, headers, forms, XML) and as JSON."""

from __future__ import annotations

import binascii
import math
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from botocore.model import Shape

from lambdad.errors import ClientError

ISO8601 = "iso8601"
RFC822 = "rfc822"
UNIX = "unixtimestamp"

_INTEGER_BITS = {"integer": 31, "long": 63}
_MAX_NUMBER_LENGTH = 40  # digits and sign; longer ones are not numbers of ours


def serialization_error(message: str) -> ClientError:
    """The request cannot be read as its model says."""
    return ClientError("SerializationException", message, status=400)


def timestamp_format(shape: Shape, default: str) -> str:
    """The format that the model gives for `shape`, else the protocol's default."""
    return str(shape.serialization.get("timestampFormat", default)).lower()


def check_text(value: str) -> str:
    """Refuse half a surrogate pair, which JSON can spell and UTF-8 cannot."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise serialization_error("The request contains an invalid Unicode escape.") from None
    return value


def check_integer(value: int, type_name: str) -> int:
    """Refuse what does not fit an integer or a long."""
    bits = _INTEGER_BITS[type_name]
    if not -(1 << bits) <= value < (1 << bits):
        raise serialization_error(f"Number is out of range for type {type_name}.")
    return value


def decode_blob(text: str) -> bytes:
    """Read base64."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise serialization_error("Blob is not valid base64.") from None


def encode_blob(value: bytes | bytearray | memoryview | str) -> str:
    """Write base64; text stands for its UTF-8."""
    return b64encode(value.encode() if isinstance(value, str) else value).decode("ascii")


def text_reader(shape: Shape, default_timestamp_format: str) -> Callable[[str], Any]:
    """How to read a value of `shape` that stands as text in a URI, header or form."""
    kind = shape.type_name
    if kind in _INTEGER_BITS:
        return lambda text: check_integer(_integer(text), kind)
    if kind in ("float", "double"):
        return _float
    if kind == "timestamp":
        form = timestamp_format(shape, default_timestamp_format)
        return lambda text: parse_timestamp(text, form)
    if kind == "boolean":
        return _boolean
    return decode_blob if kind == "blob" else str


def text_writer(shape: Shape, default_timestamp_format: str) -> Callable[[Any], str]:
    """How to write a value of `shape` as text."""
    kind = shape.type_name
    if kind == "timestamp":
        form = timestamp_format(shape, default_timestamp_format)
        return lambda value: str(format_timestamp(value, form))
    if kind == "boolean":
        return lambda value: "true" if value else "false"
    if kind in ("float", "double"):
        return lambda value: str(json_float(value))
    return encode_blob if kind == "blob" else str


def _integer(text: str) -> int:
    try:
        if len(text) <= _MAX_NUMBER_LENGTH:
            return int(text)
    except ValueError:
        pass
    raise serialization_error("STRING_VALUE can not be converted to an Integer")


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise serialization_error("STRING_VALUE can not be converted to a Double") from None


def _boolean(text: str) -> bool:
    match text.lower():
        case "true":
            return True
        case "false":
            return False
    raise serialization_error("STRING_VALUE can not be converted to a Boolean")


def json_float(value: float) -> float | str:
    """A float as JSON has it: the three values that are no numbers become words."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def parse_timestamp(value: str | float, form: str) -> datetime:
    """Read a timestamp in `form`; one without a time zone is UTC."""
    try:
        if isinstance(value, str) and form == ISO8601:
            moment = datetime.fromisoformat(value)
        elif isinstance(value, str) and form == RFC822:
            moment = parsedate_to_datetime(value)
        else:
            moment = datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        raise serialization_error("The value can not be converted to a Timestamp") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def format_timestamp(value: datetime | float, form: str) -> str | float:
    """Write a timestamp in `form`, to the millisecond as AWS does."""
    if form == UNIX:
        if type(value) is int:  # as metrics have it, thousands in an answer
            return value
        seconds = round(value.timestamp() if isinstance(value, datetime) else value, 3)
        return int(seconds) if seconds == int(seconds) else seconds
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    moment = moment.astimezone(UTC)
    if form == RFC822:
        return format_datetime(moment.replace(microsecond=0), usegmt=True)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{moment.microsecond // 1000:03d}" if moment.microsecond >= 1000 else ""
    return f"{text}{fraction}Z"
