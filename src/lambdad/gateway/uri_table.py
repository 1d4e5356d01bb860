"""Which operation of a rest service does a method and path name?

The URIs of the model form a tree of path segments, so a request walks its own few segments and
never tries one operation after the other:

    2015-03-31 ─ functions ─┬ GET, POST
                            └ {FunctionName} ─┬ GET, DELETE
                                              ├ invocations ─ POST
                                              └ policy ─┬ GET, POST
                                                        └ {StatementId} ─ DELETE
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from botocore.model import ServiceModel

from lambdad.errors import ClientError

_REMEMBERED = 1_024  # paths, the latest ones
_LONGEST_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class Candidate:
    """An operation at a node: the names of its labels, and the query fields that its URI fixes."""

    operation: str
    labels: tuple[str, ...]
    literals: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Node:
    literals: dict[str, _Node] = field(default_factory=dict)
    label: _Node | None = None
    greedy: _Node | None = None
    candidates: dict[str, list[Candidate]] = field(default_factory=dict)  # by method


@dataclass(frozen=True, slots=True)
class Match:
    """What a path leads to: an operation with its labels, or the methods that are allowed."""

    operation: str | None
    labels: Mapping[str, str]
    allowed: tuple[str, ...] = ()


class UriTable:
    """The URIs of one rest service."""

    def __init__(self, model: ServiceModel) -> None:
        self._root = _Node()
        for name in model.operation_names:
            http = model.operation_model(name).http
            self._add(name, http["method"], http["requestUri"])
        # Clients ask for the same few paths again and again.
        self._remember = lru_cache(_REMEMBERED)(lambda method, path: self._find(method, path, {}))

    def find(self, method: str, raw_path: str, query: Mapping[str, list[str]]) -> Match | None:
        """The operation at `raw_path` (still percent-encoded); None when nothing is there."""
        if query or len(raw_path) > _LONGEST_REMEMBERED:
            return self._find(method, raw_path, query)
        return self._remember(method, raw_path)

    def _find(self, method: str, raw_path: str, query: Mapping[str, list[str]]) -> Match | None:
        allowed: set[str] = set()
        for node, values in _walk(self._root, _segments(raw_path)):
            for candidate in node.candidates.get(method, ()):
                if all(value in query.get(key, ()) for key, value in candidate.literals):
                    return Match(candidate.operation, _decode(candidate.labels, values))
            allowed.update(node.candidates)
        return Match(None, {}, tuple(sorted(allowed))) if allowed else None

    def _add(self, operation: str, method: str, uri: str) -> None:
        path, _, query = uri.partition("?")
        node, labels = self._root, []
        for segment in _segments(path):
            if segment.startswith("{"):
                labels.append(segment.strip("{+}"))
            node = _child(node, segment)
        literals = tuple(parse_qsl(query, keep_blank_values=True))
        candidates = node.candidates.setdefault(method, [])
        candidates.append(Candidate(operation, tuple(labels), literals))
        # The most particular first: `?List=ALL` before no condition at all.
        candidates.sort(key=lambda candidate: -len(candidate.literals))


def _segments(path: str) -> list[str]:
    """The parts of a path; one slash at its end means nothing."""
    return path.removeprefix("/").removesuffix("/").split("/")


def _child(node: _Node, segment: str) -> _Node:
    if segment.endswith("+}"):
        node.greedy = node.greedy or _Node()
        return node.greedy
    if segment.startswith("{"):
        node.label = node.label or _Node()
        return node.label
    return node.literals.setdefault(segment, _Node())


def _walk(root: _Node, segments: list[str]) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    """The nodes at the end of `segments`, the most literal first, with their labels' values."""
    open_ways: list[tuple[_Node, int, tuple[str, ...]]] = [(root, 0, ())]
    while open_ways:
        node, at, values = open_ways.pop()
        if at == len(segments):
            if node.candidates:
                yield node, values
            continue
        segment = segments[at]
        if node.greedy is not None:
            for end in range(len(segments), at, -1):
                open_ways.append((node.greedy, end, (*values, "/".join(segments[at:end]))))
        if node.label is not None:
            open_ways.append((node.label, at + 1, (*values, segment)))
        literal = node.literals.get(segment)
        if literal is not None:
            open_ways.append((literal, at + 1, values))


def _decode(labels: tuple[str, ...], values: tuple[str, ...]) -> dict[str, str]:
    try:
        return {
            label: unquote(value, errors="strict")
            for label, value in zip(labels, values, strict=True)
        }
    except UnicodeDecodeError:
        raise ClientError(
            "SerializationException", "The path is not valid UTF-8.", status=400
        ) from None
