"""What one shape of a model demands of its values, in AWS's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.model import ListShape, MapShape, Shape

from lambdad.gateway.patterns import compile_pattern

NOT_NULL = "Member must not be null"

# Whether a value keeps a constraint, and the constraint's words.
Test = tuple[Callable[[Any], bool], str]

_WITH_LENGTH = frozenset({"string", "blob", "list", "map"})
_NUMBERS = frozenset({"integer", "long", "float", "double"})


class Constraints:
    """The constraints of a shape on the value itself (not on what the value contains)."""

    def __init__(self, shape: Shape) -> None:
        self.tests: list[Test] = []
        low, high = shape.metadata.get("min"), shape.metadata.get("max")
        if shape.type_name in _WITH_LENGTH:
            self.tests += _length_tests(low, high)
        elif shape.type_name in _NUMBERS:
            self.tests += _range_tests(low, high)
        if shape.type_name == "string":
            self.tests += _string_tests(shape, high)

    def __bool__(self) -> bool:
        return bool(self.tests)

    def broken_by(self, value: Any) -> list[str]:
        """The words of each constraint that `value` breaks."""
        return [words for is_kept, words in self.tests if not is_kept(value)]

    def of_members(self) -> str:
        """All constraints in brackets, as AWS tells them about the members of a list or map."""
        return f"[{', '.join([*(words for _, words in self.tests), NOT_NULL])}]"


def is_secret(shape: Shape) -> bool:
    """Whether a value of `shape` must not be repeated in a message."""
    if shape.metadata.get("sensitive"):
        return True
    match shape:
        case ListShape():
            return is_secret(shape.member)
        case MapShape():
            return is_secret(shape.key) or is_secret(shape.value)
    return False


def _length_tests(low: int | None, high: int | None) -> list[Test]:
    tests: list[Test] = []
    if high is not None:
        words = f"Member must have length less than or equal to {high}"
        tests.append((lambda value: len(value) <= high, words))
    if low is not None:
        words = f"Member must have length greater than or equal to {low}"
        tests.append((lambda value: len(value) >= low, words))
    return tests


def _range_tests(low: int | None, high: int | None) -> list[Test]:
    tests: list[Test] = []
    if high is not None:
        words = f"Member must have value less than or equal to {high}"
        tests.append((lambda value: value <= high, words))
    if low is not None:
        words = f"Member must have value greater than or equal to {low}"
        tests.append((lambda value: value >= low, words))
    return tests


def _string_tests(shape: Shape, longest: int | None) -> list[Test]:
    tests: list[Test] = []
    pattern = shape.metadata.get("pattern")
    regex = compile_pattern(pattern) if pattern else None
    if regex is not None:
        words = f"Member must satisfy regular expression pattern: {pattern}"
        tests.append((_matches(regex.fullmatch, longest), words))
    names = shape.metadata.get("enum")
    if names:
        words = f"Member must satisfy enum value set: [{', '.join(names)}]"
        tests.append((frozenset(names).__contains__, words))
    return tests


def _matches(fullmatch: Callable[[str], Any], longest: int | None) -> Callable[[str], bool]:
    """A value that is too long has failed already, and matching it might take its time."""
    if longest is None:
        return lambda value: fullmatch(value) is not None
    return lambda value: len(value) > longest or fullmatch(value) is not None
