"""Values of a wire format by shape: what json, rest-json and cbor have in common.

A reader turns what has been decoded into parameters and refuses every other type than the shape's,
in the words of AWS's own parser; a writer does the reverse. Null members count as absent, unknown
members are ignored, a null in a list stays for the validation to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from lambdad.gateway.protocols.scalars import check_integer, check_text, serialization_error

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]
Members = dict[str, tuple[str, Callable[[Any], Any]]]

_KINDS = {
    str: "STRING_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    bool: "BOOLEAN_VALUE",
    bytes: "BLOB_VALUE",
    datetime: "TIMESTAMP_VALUE",
}


class ShapeValues:
    """Readers and writers of one service's shapes; each structure is compiled once.

    `scalar_reader` and `scalar_writer` know the format's way with a shape that contains no others.
    """

    def __init__(
        self, scalar_reader: Callable[[Shape], Reader], scalar_writer: Callable[[Shape], Writer]
    ) -> None:
        self._scalar_reader = scalar_reader
        self._scalar_writer = scalar_writer
        self._readers: dict[str, Reader] = {}
        self._writers: dict[str, Writer] = {}

    def reader(self, shape: Shape) -> Reader:
        """How to read a value of `shape`."""
        match shape:
            case StructureShape():
                return self._structure_reader(shape)
            case ListShape():
                return _list_reader(self.reader(shape.member))
            case MapShape():
                return _map_reader(self.reader(shape.value))
        return self._scalar_reader(shape)

    def writer(self, shape: Shape) -> Writer:
        """How to write a value of `shape`."""
        match shape:
            case StructureShape():
                return self._structure_writer(shape)
            case ListShape():
                return _list_writer(self.writer(shape.member))
            case MapShape():
                return _map_writer(self.writer(shape.value))
        return self._scalar_writer(shape)

    def _structure_reader(self, shape: StructureShape) -> Reader:
        if shape.is_document_type:
            return same
        if shape.name not in self._readers:
            members: Members = {}
            # Known before its members are: a structure may contain itself.
            self._readers[shape.name] = _structure_reader(members)
            for name, member in shape.members.items():
                members[wire_name(name, member)] = (name, self.reader(member))
        return self._readers[shape.name]

    def _structure_writer(self, shape: StructureShape) -> Writer:
        if shape.is_document_type:
            return same
        if shape.name not in self._writers:
            members: Members = {}
            self._writers[shape.name] = _structure_writer(members)
            for name, member in shape.members.items():
                members[name] = (wire_name(name, member), self.writer(member))
        return self._writers[shape.name]


def wire_name(name: str, shape: Shape) -> str:
    """What the member `name` is called on the wire."""
    return str(shape.serialization.get("name", name))


def read_members(value: Any, members: Mapping[str, tuple[str, Reader]]) -> dict[str, Any]:
    """Read an object's members by a table: name on the wire → (name, reader)."""
    if type(value) is not dict:
        raise _unexpected(value, "structure or map")
    result = {}
    for key, item in value.items():
        member = members.get(key)
        if member is not None and item is not None:
            result[member[0]] = member[1](item)
    return result


def write_members(value: Mapping[str, Any], members: Mapping[str, tuple[str, Writer]]) -> Any:
    """Write an object's members by a table: name → (name on the wire, writer)."""
    result = {}
    for key, item in value.items():
        member = members.get(key)
        if member is not None and item is not None:
            result[member[0]] = member[1](item)
    return result


def _structure_reader(members: Members) -> Reader:
    return lambda value: read_members(value, members)


def _structure_writer(members: Members) -> Writer:
    return lambda value: write_members(value, members)


def _list_reader(read: Reader) -> Reader:
    def read_list(value: Any) -> list[Any]:
        if type(value) is not list:
            raise _unexpected(value, "list")
        return [None if item is None else read(item) for item in value]

    return read_list


def _list_writer(write: Writer) -> Writer:
    return lambda value: [None if item is None else write(item) for item in value]


def _map_reader(read: Reader) -> Reader:
    def read_map(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise _unexpected(value, "structure or map")
        return {
            read_string(key): None if item is None else read(item) for key, item in value.items()
        }

    return read_map


def _map_writer(write: Writer) -> Writer:
    return lambda value: {key: write(item) for key, item in value.items() if item is not None}


def same(value: Any) -> Any:
    """For what is the same on both sides."""
    return value


def read_string(value: Any) -> str:
    """A string."""
    if type(value) is not str:
        raise unconvertible(value, "a String")
    return check_text(value)


def read_boolean(value: Any) -> bool:
    """A boolean."""
    if type(value) is not bool:
        raise unconvertible(value, "a Boolean")
    return value


def read_integer(value: Any, kind: str) -> int:
    """An integer or long, also one that is written as a decimal."""
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise unconvertible(value, "a Long" if kind == "long" else "an Integer")
    return check_integer(value, kind)


def read_float(value: Any) -> float:
    """A float or double."""
    if type(value) not in (int, float):
        raise unconvertible(value, "a Double")
    try:
        return float(value)
    except OverflowError:
        raise unconvertible(value, "a Double") from None


def unconvertible(value: Any, wanted: str) -> Exception:
    """The error of a value of the wrong type."""
    kind = _KINDS.get(type(value))
    if kind is None:
        return _unexpected(value, "value")
    return serialization_error(f"{kind} can not be converted to {wanted}")


def _unexpected(value: Any, wanted: str) -> Exception:
    if type(value) is list:
        return serialization_error("Start of list found where not expected")
    if type(value) is dict:
        return serialization_error("Start of structure or map found where not expected.")
    return serialization_error(f"Unexpected value where a {wanted} is expected")
