"""XML answers by shape."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, Shape, StructureShape

from lambdad.gateway.protocols.scalars import ISO8601, text_writer

# Writes one value as the element (or, flattened, the elements) of the given name.
_Writer = Callable[[str, Any], str]

# XML 1.0 has no way to write these, escaped or not.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def element(name: str, text: str) -> str:
    """One element around escaped text."""
    content = escape(_UNWRITABLE.sub("\ufffd", text), {"\r": "&#xD;"})
    return f"<{name}>{content}</{name}>"


def open_element(name: str, namespace: str) -> str:
    """The opening tag of a root element."""
    return f'<{name} xmlns="{namespace}">' if namespace else f"<{name}>"


class XmlValues:
    """Writers of one service's shapes; each structure is compiled once."""

    def __init__(self) -> None:
        self._structures: dict[str, Callable[[Mapping[str, Any]], str]] = {}

    def structure_writer(self, shape: StructureShape) -> Callable[[Mapping[str, Any]], str]:
        """How to write the members of a structure, without an element around them."""
        if shape.name not in self._structures:
            members: dict[str, tuple[str, _Writer]] = {}
            # Known before its members are: a structure may contain itself.
            self._structures[shape.name] = lambda value: _write_members(value, members)
            for name, member in shape.members.items():
                members[name] = (member.serialization.get("name", name), self._writer(member))
        return self._structures[shape.name]

    def _writer(self, shape: Shape) -> _Writer:
        match shape:
            case StructureShape():
                write = self.structure_writer(shape)
                return lambda name, value: f"<{name}>{write(value)}</{name}>"
            case ListShape():
                return _list_writer(shape, self._writer(shape.member))
            case MapShape():
                return _map_writer(shape, self._writer(shape.key), self._writer(shape.value))
        to_text = text_writer(shape, ISO8601)
        return lambda name, value: element(name, to_text(value))


def _write_members(value: Mapping[str, Any], members: Mapping[str, tuple[str, _Writer]]) -> str:
    parts = []
    for key, item in value.items():
        member = members.get(key)
        if member is not None and item is not None:
            parts.append(member[1](member[0], item))
    return "".join(parts)


def _list_writer(shape: ListShape, write: _Writer) -> _Writer:
    own_name = shape.member.serialization.get("name")
    if shape.serialization.get("flattened"):
        return lambda name, value: "".join(write(own_name or name, item) for item in value)
    member = own_name or "member"
    return lambda name, value: f"<{name}>{''.join(write(member, i) for i in value)}</{name}>"


def _map_writer(shape: MapShape, write_key: _Writer, write_value: _Writer) -> _Writer:
    key_name = shape.key.serialization.get("name", "key")
    value_name = shape.value.serialization.get("name", "value")
    flattened = shape.serialization.get("flattened")

    def write(name: str, value: Mapping[str, Any]) -> str:
        entry = name if flattened else "entry"
        entries = "".join(
            f"<{entry}>{write_key(key_name, key)}{write_value(value_name, item)}</{entry}>"
            for key, item in value.items()
        )
        return entries if flattened else f"<{name}>{entries}</{name}>"

    return write
