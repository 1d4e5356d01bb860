"""Event patterns: the JSON language in which filters say which events pass.

    {"body": {"price": [{"numeric": [">=", 0, "<", 5]}], "kind": ["a", {"prefix": "b"}]}}

    pattern   an object: every field must match
    field     a pattern, or a list of alternatives, one of which must match
    "$or"     a list of patterns, one of which must match

An alternative is a value (string, number, true, false, null), or an object of one operator, one
function each below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any

from lambdad.model.strict_json import DECODER

OR = "$or"
MAX_DEPTH = 100  # levels of JSON; far more than an event that makes sense
LARGEST_NUMBER = 5e9  # either way of zero, of what `numeric` compares


class InvalidPatternError(ValueError):
    """The pattern says nothing that could match; the sentence says where and why."""


def parse_pattern(text: str) -> dict[str, Any]:
    """Read a pattern and hold it against the syntax; InvalidPatternError if it breaks it."""
    try:
        pattern = DECODER.decode(text)
    except (ValueError, RecursionError):
        raise InvalidPatternError("A pattern must be JSON.") from None
    if not isinstance(pattern, dict):
        raise InvalidPatternError("A pattern must be a JSON object.")
    _check_pattern(pattern, "the pattern", MAX_DEPTH)
    return pattern


def _check_pattern(pattern: Any, where: str, levels: int) -> None:
    if not isinstance(pattern, dict):
        raise InvalidPatternError(f"{where} must be an object.")
    if not pattern:
        raise InvalidPatternError(f"{where} must not be empty.")
    if levels == 0:
        raise InvalidPatternError(f"A pattern must not have more than {MAX_DEPTH} levels.")
    for name, value in pattern.items():
        if name == OR:
            _check_or(value, levels - 1)
        elif isinstance(value, dict):
            _check_pattern(value, f'"{name}"', levels - 1)
        else:
            _check_alternatives(value, f'"{name}"')


def _check_or(patterns: Any, levels: int) -> None:
    if not isinstance(patterns, list) or len(patterns) < 2:
        raise InvalidPatternError(f'"{OR}" must be a list of at least two patterns.')
    for pattern in patterns:
        _check_pattern(pattern, f'Each pattern of "{OR}"', levels)


def _check_alternatives(alternatives: Any, where: str) -> None:
    if not isinstance(alternatives, list):
        raise InvalidPatternError(f"{where} must be an object or a list.")
    if not alternatives:
        raise InvalidPatternError(f"{where} must not be an empty list.")
    for alternative in alternatives:
        if isinstance(alternative, dict):
            _check_operator(alternative, where)
        elif isinstance(alternative, list):
            raise InvalidPatternError(f"{where} must not have a list within its list.")


def _check_operator(expression: Mapping[str, Any], where: str) -> None:
    if len(expression) != 1:
        raise InvalidPatternError(f"{where} must have one operator in each of its objects.")
    ((operator, operand),) = expression.items()
    if operator not in OPERATORS:
        raise InvalidPatternError(f'{where} has an unknown operator "{operator}".')
    if not OPERATORS[operator](operand):
        raise InvalidPatternError(f'{where} has an operand that "{operator}" does not take.')


# Each says whether the operator takes this operand.


def _takes_exists(operand: Any) -> bool:
    return isinstance(operand, bool)


def _takes_text(operand: Any) -> bool:
    return isinstance(operand, str)


def _takes_affix(operand: Any) -> bool:
    """Text, or `{"equals-ignore-case": text}`."""
    return isinstance(operand, str) or (
        isinstance(operand, dict)
        and operand.keys() == {"equals-ignore-case"}
        and isinstance(operand["equals-ignore-case"], str)
    )


def _takes_wildcard(operand: Any) -> bool:
    r"""Text in which `*` stands for any text; `\*` and `\\` are the characters themselves."""
    if not isinstance(operand, str):
        return False
    rest = operand.replace("\\\\", "").replace("\\*", "")
    return "\\" not in rest and "**" not in operand.replace("\\\\", "_").replace("\\*", "_")


def _takes_cidr(operand: Any) -> bool:
    if not isinstance(operand, str) or "/" not in operand:
        return False
    try:
        ip_network(operand, strict=False)
    except ValueError:
        return False
    return operand.rpartition("/")[2].isdigit()


def _takes_numeric(operand: Any) -> bool:
    """`["=", 1]`, `["<", 1]`, or a range with its lower bound first: `[">", 0, "<=", 1]`."""
    match operand:
        case ["=" | "<" | "<=" | ">" | ">=", number]:
            return _is_comparable(number)
        case [">" | ">=", lower, "<" | "<=", upper]:
            return _is_comparable(lower) and _is_comparable(upper) and lower < upper
    return False


def _takes_anything_but(operand: Any) -> bool:
    """A string, a number, a list of the one or the other, or an object of one operator."""
    if isinstance(operand, dict):
        if len(operand) != 1:
            return False
        ((operator, inner),) = operand.items()
        takes = _ANYTHING_BUT.get(operator)
        inners = inner if isinstance(inner, list) else [inner]
        return takes is not None and bool(inners) and all(map(takes, inners))
    if not isinstance(operand, list):
        return isinstance(operand, str) or _is_number(operand)
    is_one_kind = all(isinstance(each, str) for each in operand) or all(map(_is_number, operand))
    return bool(operand) and is_one_kind


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_comparable(value: Any) -> bool:
    return _is_number(value) and -LARGEST_NUMBER <= value <= LARGEST_NUMBER


_ANYTHING_BUT: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "equals-ignore-case": _takes_text,
        "prefix": _takes_text,
        "suffix": _takes_text,
        "wildcard": _takes_wildcard,
    }
)
OPERATORS: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "anything-but": _takes_anything_but,
        "cidr": _takes_cidr,
        "equals-ignore-case": _takes_text,
        "exists": _takes_exists,
        "numeric": _takes_numeric,
        "prefix": _takes_affix,
        "suffix": _takes_affix,
        "wildcard": _takes_wildcard,
    }
)
