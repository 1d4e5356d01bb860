"""Events and results: JSON in the dialect of AWS's Python runtime.

The standard library's encoder does nearly everything and is fast. AWS's runtime differs from it in
three kinds of values: a Decimal is a number, a named tuple is an object, and bytes inside a result
are text. Results that hold anything unusual are therefore written by the slower code here.
"""

from __future__ import annotations

import json
import math
import sys
from decimal import Decimal
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Dict, Set, Tuple

from lambdad_runtime import errors
from lambdad_runtime.errors import Fault

_SCALARS = frozenset({str, int, float, bool, type(None)})
_BYTE_ORDER_MARK = "\ufeff"
_FIRST_WITHOUT_ESCAPES = 12  # python3.12: from then on AWS leaves non-ASCII text as it is


class Marshaller:
    """Parses events and writes results for the runtime named by `AWS_EXECUTION_ENV`."""

    def __init__(self, execution_environment: str) -> None:
        minor = execution_environment.rpartition("python3.")[2]
        number = int(minor) if minor.isdigit() else sys.version_info[1]
        escaped = number < _FIRST_WITHOUT_ESCAPES
        self._decode = json.JSONDecoder().decode
        self._encode = json.JSONEncoder(ensure_ascii=escaped).encode
        self._quote = encode_basestring_ascii if escaped else encode_basestring

    def unmarshal(self, body: bytes, content_type: str) -> Any:
        """The event; what is not JSON stays bytes."""
        if content_type != "application/json":
            return body
        try:
            return self._decode(body.decode().lstrip(_BYTE_ORDER_MARK))
        except Exception as error:
            message = f"Unable to unmarshal input: {error}"
            raise Fault(errors.UNMARSHAL_ERROR, message) from None

    def marshal(self, response: Any) -> Tuple[bytes, str]:
        """The result's bytes and their type."""
        if isinstance(response, bytes):
            return response, "application/unknown"
        try:
            return self.to_json(response), "application/json"
        except Exception as error:
            message = f"Unable to marshal response: {error}"
            raise Fault(errors.MARSHAL_ERROR, message) from None

    def to_json(self, value: Any) -> bytes:
        """`value` as UTF-8; half a surrogate pair becomes the escape that JSON has for it."""
        text = self._encode(value) if _is_usual(value) else self._write(value, set())
        return text.encode("utf-8", "backslashreplace")

    def _write(self, value: Any, parents: Set[int]) -> str:
        if value is None or value is True or value is False:
            return {None: "null", True: "true", False: "false"}[value]
        if isinstance(value, str):
            return self._quote(value)
        if isinstance(value, bytes):
            return self._quote(value.decode())
        if isinstance(value, int):
            return int.__repr__(value)
        if isinstance(value, float):
            return _number(value)
        if isinstance(value, Decimal):
            return "NaN" if value.is_nan() else str(value)
        return self._write_container(value, parents)

    def _write_container(self, value: Any, parents: Set[int]) -> str:
        if id(value) in parents:
            raise ValueError("Circular reference detected")
        within = parents | {id(value)}
        if isinstance(value, list):
            return self._write_items(value, within)
        as_dict = getattr(value, "_asdict", None)
        if as_dict is not None and not isinstance(value, type):
            return self._write_members(as_dict(), within)
        if isinstance(value, tuple):
            return self._write_items(value, within)
        if isinstance(value, dict):
            return self._write_members(value, within)
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")

    def _write_items(self, items: Any, parents: Set[int]) -> str:
        return f"[{', '.join([self._write(item, parents) for item in items])}]"

    def _write_members(self, members: Dict[Any, Any], parents: Set[int]) -> str:
        pairs = [
            f"{self._write_key(key)}: {self._write(value, parents)}"
            for key, value in members.items()
        ]
        return f"{{{', '.join(pairs)}}}"

    def _write_key(self, key: Any) -> str:
        if isinstance(key, (str, bytes)):
            return self._write(key, set())
        if key is None or isinstance(key, (int, float)):
            return f'"{self._write(key, set())}"'
        name = type(key).__name__
        raise TypeError(f"keys must be str, int, float, bool or None, not {name}")


def _is_usual(value: Any) -> bool:
    """Whether the standard library writes `value` just as AWS's runtime does."""
    try:
        return _is_usual_within(value)
    except RecursionError:  # circular, or too deep: the encoder says so
        return True


def _is_usual_within(value: Any) -> bool:
    kind = type(value)
    if kind in _SCALARS:
        return True
    if isinstance(value, dict):
        return all(type(key) in _SCALARS for key in value) and _all_usual(value.values())
    return (kind is list or kind is tuple) and _all_usual(value)


def _all_usual(values: Any) -> bool:
    for value in values:
        if type(value) not in _SCALARS and not _is_usual_within(value):
            return False
    return True


def _number(value: float) -> str:
    if math.isfinite(value):
        return float.__repr__(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
