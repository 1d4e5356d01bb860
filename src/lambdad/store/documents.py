"""Functions as JSON documents, and back.

A document names its format, and every member that it holds must be known: one that a newer lambdad
wrote is refused with a sentence rather than read with parts missing. A member that an older
lambdad did not write yet gets the default of its dataclass.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from types import MappingProxyType
from typing import Any

from lambdad.errors import PlatformError
from lambdad.model.function import Code, Function, FunctionVersion, Status

FORMAT = 1

# Which members are dataclasses themselves.
_NESTED: Mapping[type, Mapping[str, type]] = MappingProxyType(
    {
        Function: {"latest": FunctionVersion, "pending": FunctionVersion},
        FunctionVersion: {"code": Code, "state": Status, "last_update": Status},
        Code: {},
        Status: {},
    }
)


def serialize_function(function: Function) -> str:
    """The document of `function`."""
    document = {"format": FORMAT, "function": asdict(function)}
    return json.dumps(document, separators=(",", ":"), allow_nan=False)


def parse_function(text: str) -> Function:
    """The function of a document; raises PlatformError if it cannot be read in full."""
    document = json.loads(text)
    if document["format"] != FORMAT:
        raise PlatformError(
            f"A function's document has format {document['format']}; this lambdad reads {FORMAT}."
        )
    function = _parse(Function, document["function"])
    assert isinstance(function, Function)
    return function


def _parse(kind: type, members: dict[str, Any]) -> Any:
    unknown = members.keys() - {field.name for field in fields(kind)}
    if unknown:
        raise PlatformError(
            f"A {kind.__name__} document holds members that this lambdad does not know: "
            f"{', '.join(sorted(unknown))}. A newer lambdad wrote it."
        )
    nested = {
        name: _parse(of, members[name])
        for name, of in _NESTED[kind].items()
        if members.get(name) is not None
    }
    return kind(**{**members, **nested})
