"""Values that fit a botocore shape: what a caller may send and a service may answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import strategies as st
from pattern_samples import sample

from lambdad.gateway.patterns import to_python

# Few but telling characters: what URIs, headers, XML and JSON must each escape.
TEXT = st.text("ab Z09-_.~/?#&=+%:;,<>\"'\\é日😀", max_size=12)
HEADER_TEXT = st.text("abZ09-_./=+ ", min_size=1, max_size=12).map(str.strip).filter(bool)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGERS = {"integer": 31, "long": 53}
_MAX_DEPTH = 4
_UNICODE_CLASSES = {r"\p{L}": "a-zéñ", r"\p{Z}": " ", r"\p{N}": "0-9"}


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Values of `shape` that keep its constraints."""
    match shape:
        case StructureShape():
            return structures(shape, depth)
        case ListShape():
            return lists(shape, depth)
        case MapShape():
            return maps(shape, depth)
    return scalars(shape)


def structures(shape: StructureShape, depth: int = 0) -> st.SearchStrategy[Any]:
    """Required members, and some of the others; of a union exactly one.

    Deep down there are only required ones, since a structure may contain itself. A structure
    within another is never empty: a form could not spell it.
    """
    if shape.is_tagged_union:
        names = shape.members if depth < _MAX_DEPTH else list(shape.members)[:1]
        return st.one_of([st.fixed_dictionaries({n: member(shape, n, depth)}) for n in names])
    needed = [name for name in shape.members if _is_needed(shape, name)]
    if depth and not needed and depth <= _MAX_DEPTH + 1:
        needed = list(shape.members)[:1]
    required = {name: member(shape, name, depth) for name in needed}
    if depth >= _MAX_DEPTH:
        return st.fixed_dictionaries(required)
    others = [name for name in shape.members if name not in required]
    optional = {name: member(shape, name, depth) for name in others}
    return st.fixed_dictionaries(required, optional=optional)


def _is_needed(shape: StructureShape, name: str) -> bool:
    member = shape.members[name]
    # A client fills in an idempotency token by itself, so we always do it before.
    return name in shape.required_members or bool(member.metadata.get("idempotencyToken"))


def member(shape: StructureShape, name: str, depth: int) -> st.SearchStrategy[Any]:
    """Values of a member, as the place allows where it stands in the message."""
    found = shape.members[name]
    location = found.serialization.get("location")
    if location == "uri":
        # A segment of dots would be a relative path to the HTTP client.
        return values(found, depth + 1).filter(lambda value: str(value).strip("."))
    if location == "header" and found.type_name == "string":
        free = not found.metadata.get("enum") and not found.metadata.get("pattern")
        return HEADER_TEXT if free else values(found).filter(lambda value: value == value.strip())
    if location == "querystring" and isinstance(found, ListShape):
        return st.lists(values(found.member), min_size=1, max_size=3)
    if isinstance(found, MapShape) and name in shape.required_members:
        return maps(found, depth + 1, least=1)  # a form could not spell an empty one
    return values(found, depth + 1)


def lists(shape: ListShape, depth: int) -> st.SearchStrategy[Any]:
    """Short lists."""
    least = shape.metadata.get("min", 0)
    most = min(shape.metadata.get("max", least + 2), least + 2)
    return st.lists(values(shape.member, depth + 1), min_size=least, max_size=most)


def maps(shape: MapShape, depth: int, least: int = 0) -> st.SearchStrategy[Any]:
    """Small maps."""
    least = max(shape.metadata.get("min", 0), least)
    most = min(shape.metadata.get("max", least + 2), least + 2)
    keys, items = values(shape.key), values(shape.value, depth + 1)
    return st.dictionaries(keys, items, min_size=least, max_size=most)


def scalars(shape: Shape) -> st.SearchStrategy[Any]:
    """Values of a shape that contains no others."""
    kind, low, high = shape.type_name, shape.metadata.get("min"), shape.metadata.get("max")
    if kind in _INTEGERS:
        bound = 2 ** _INTEGERS[kind] - 1
        return st.integers(-bound if low is None else low, bound if high is None else high)
    if kind in ("float", "double"):
        return st.floats(low, high, allow_nan=False, allow_infinity=False)
    if kind == "boolean":
        return st.booleans()
    if kind == "blob":
        return st.binary(min_size=low or 0, max_size=min(high or 32, (low or 0) + 32))
    if kind == "timestamp":
        return st.integers(0, 4_000_000_000_000).map(lambda ms: _EPOCH + timedelta(milliseconds=ms))
    if shape.metadata.get("enum"):
        return st.sampled_from(shape.metadata["enum"])
    return strings(shape.metadata.get("pattern"), low or 0, high)


@cache
def strings(pattern: str | None, least: int, most: int | None) -> st.SearchStrategy[str]:
    """Strings within a length that match a model's pattern."""
    if pattern is None or pattern == ".*":
        size = max(least, min(12, most or 12))
        alphabet = "ab Z09-_.~/?#&=+%:;,<>\"'\\é日😀"
        return st.text(alphabet, min_size=least, max_size=size)
    for class_name, characters in _UNICODE_CLASSES.items():
        pattern = pattern.replace(class_name, characters)
    python = to_python(pattern)
    longest = min(most or 10_000, 10_000)
    seeds = st.integers(0, 1_000_000)
    return seeds.map(lambda seed: sample(python, seed, least, longest)).filter(is_found)


def is_found(text: str | None) -> bool:
    return text is not None
