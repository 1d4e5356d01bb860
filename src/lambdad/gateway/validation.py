"""Parameters judged by their model as AWS judges them, and told in AWS's words.

    2 validation errors detected: Value '300000' at 'timeout' failed to satisfy constraint: Member
    must have value less than or equal to 900; Value null at 'role' failed to satisfy constraint:
    Member must not be null

Checks are compiled once for each operation. Shapes whose constraints a service judges itself,
because AWS answers with an exception of its own there (Lambda's unknown runtime), are `excepted`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from lambdad.errors import ClientError
from lambdad.gateway.constraints import NOT_NULL, Constraints, is_secret

Validate = Callable[[Mapping[str, Any]], None]

# Appends what is wrong with a value at a path.
_Check = Callable[[Any, str, list[str]], None]
# One member of a structure: its name, its name in paths, whether it is required, its checks.
_Member = tuple[str, str, bool, list[_Check]]


class Validation:
    """Compiles the constraints of one service's shapes."""

    def __init__(self, excepted: Collection[str] = ()) -> None:
        self._excepted = frozenset(excepted)
        self._structures: dict[str, _Check] = {}

    def compile(self, shape: StructureShape | None) -> Validate:
        """A function that raises ValidationException for parameters that break `shape`."""
        if shape is None:
            return lambda parameters: None
        check = self._structure_check(shape)

        def validate(parameters: Mapping[str, Any]) -> None:
            errors: list[str] = []
            check(parameters, "", errors)
            if errors:
                raise _validation_exception(errors)

        return validate

    def _checks(self, shape: Shape) -> list[_Check]:
        if isinstance(shape, StructureShape):
            return [] if shape.is_document_type else [self._structure_check(shape)]
        constraints = self._constraints(shape)
        own = [_value_check(constraints, is_secret(shape))] if constraints else []
        match shape:
            case ListShape():
                return [*own, self._items_check(shape)]
            case MapShape():
                return [*own, self._keys_check(shape), self._values_check(shape)]
        return own

    def _constraints(self, shape: Shape) -> Constraints | None:
        if shape.name in self._excepted:
            return None
        return Constraints(shape) or None

    def _structure_check(self, shape: StructureShape) -> _Check:
        if shape.name not in self._structures:
            members: list[_Member] = []
            # Known before its members are: a structure may contain itself.
            self._structures[shape.name] = _structure_check(members)
            for name, member in shape.members.items():
                checks, is_required = self._checks(member), name in shape.required_members
                if checks or is_required:
                    members.append((name, lower_camel(name), is_required, checks))
        return self._structures[shape.name]

    def _items_check(self, shape: ListShape) -> _Check:
        if _has_paths(shape.member):
            return _inner_check(self._checks(shape.member), lambda value: enumerate(value, 1))
        lead = "Member must satisfy constraint"
        return _outer_check(self._constraints(shape.member), lead, is_secret(shape), iter)

    def _keys_check(self, shape: MapShape) -> _Check:
        lead = "Map keys must satisfy constraint"
        return _outer_check(self._constraints(shape.key), lead, is_secret(shape), iter)

    def _values_check(self, shape: MapShape) -> _Check:
        if _has_paths(shape.value):
            return _inner_check(self._checks(shape.value), dict.items)
        lead = "Map value must satisfy constraint"
        return _outer_check(self._constraints(shape.value), lead, is_secret(shape), dict.values)


def lower_camel(name: str) -> str:
    """`FunctionName` → `functionName`, as AWS spells members in paths."""
    return name[:1].lower() + name[1:]


def java_text(value: Any) -> str:
    """A value as Java prints it."""
    match value:
        case bool():
            return "true" if value else "false"
        case list():
            return f"[{', '.join(map(java_text, value))}]"
        case dict():
            entries = (f"{key}={java_text(item)}" for key, item in value.items())
            return f"{{{', '.join(entries)}}}"
        case bytes():
            return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
        case None:
            return "null"
    return str(value)


def _validation_exception(errors: list[str]) -> ClientError:
    noun = "error" if len(errors) == 1 else "errors"
    text = f"{len(errors)} validation {noun} detected: {'; '.join(errors)}"
    return ClientError("ValidationException", text, status=400)


def _failure(value: Any, path: str, words: str, hidden: bool = False) -> str:
    """AWS leaves out a secret value altogether, and quotes every other one but null."""
    shown = "Value null" if value is None else f"Value '{java_text(value)}'"
    return f"{'Value' if hidden else shown} at '{path}' failed to satisfy constraint: {words}"


def _has_paths(shape: Shape) -> bool:
    """Whether AWS names members of a list or map by a path, not by the whole list or map."""
    return isinstance(shape, StructureShape | ListShape | MapShape)


def _value_check(constraints: Constraints, hidden: bool) -> _Check:
    tests = constraints.tests

    def check(value: Any, path: str, errors: list[str]) -> None:
        for is_kept, words in tests:
            if not is_kept(value):
                errors.append(_failure(value, path, words, hidden))

    return check


def _structure_check(members: list[_Member]) -> _Check:
    def check(value: Any, path: str, errors: list[str]) -> None:
        prefix = f"{path}." if path else ""
        for name, step, is_required, checks in members:
            member = value.get(name)
            if member is not None:
                for check_member in checks:
                    check_member(member, prefix + step, errors)
            elif is_required:
                errors.append(_failure(None, prefix + step, NOT_NULL))

    return check


def _inner_check(checks: list[_Check], parts: Callable[[Any], Iterable[tuple[Any, Any]]]) -> _Check:
    """Check each (key, part) of a list or map under a path of its own."""

    def check(value: Any, path: str, errors: list[str]) -> None:
        for key, part in parts(value):
            step = f"{path}.{key}.member"
            if part is None:
                errors.append(_failure(None, step, NOT_NULL))
                continue
            for check_part in checks:
                check_part(part, step, errors)

    return check


def _outer_check(
    constraints: Constraints | None,
    lead: str,
    hidden: bool,
    parts: Callable[[Any], Iterable[Any]],
) -> _Check:
    """Check the parts of a list or map; one that fails condemns the whole, once."""
    words = f"{lead}: {constraints.of_members() if constraints else f'[{NOT_NULL}]'}"

    def check(value: Any, path: str, errors: list[str]) -> None:
        for part in parts(value):
            if part is None or (constraints and constraints.broken_by(part)):
                errors.append(_failure(value, path, words, hidden))
                return

    return check
