"""Event patterns: the language of event source mappings' filters. Here is their syntax.

    {"body": {"kind": ["order", {"prefix": "pre"}], "total": [{"numeric": [">", 0, "<=", 5]}]}}

An object mirrors the event; a list tells what a value may be: literals and operators. (Developer
guide, "Filter rule syntax"; the operators are those of EventBridge.)
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Any

MAX_DEPTH = 32
_COMPARISONS = frozenset({"<", "<=", "=", ">", ">="})
_OR = "$or"


class InvalidPattern(ValueError):
    """The text is no pattern; the sentence says why."""


def parse_pattern(text: str) -> dict[str, Any]:
    """The pattern as JSON; raises InvalidPattern when the text is none."""
    try:
        pattern = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidPattern("it is not JSON") from None
    if not isinstance(pattern, dict):
        raise InvalidPattern("it is not a JSON object")
    _check_object(pattern, 0)
    return pattern


def _check_object(pattern: dict[str, Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidPattern("it is nested too deeply")
    for name, value in pattern.items():
        if name == _OR and isinstance(value, list):
            _check_alternatives(value, depth)
        elif isinstance(value, dict):
            _check_object(value, depth + 1)
        elif isinstance(value, list):
            _check_rules(name, value)
        else:
            raise InvalidPattern(f"{name!r} is neither an object nor a list")


def _check_alternatives(alternatives: list[Any], depth: int) -> None:
    if len(alternatives) < 2 or not all(isinstance(each, dict) for each in alternatives):
        raise InvalidPattern(f"{_OR} takes a list of at least two objects")
    for each in alternatives:
        _check_object(each, depth + 1)


def _check_rules(name: str, rules: list[Any]) -> None:
    if not rules:
        raise InvalidPattern(f"{name!r} has an empty list")
    for rule in rules:
        if isinstance(rule, list):
            raise InvalidPattern(f"{name!r} has a list within a list")
        if isinstance(rule, dict):
            _check_operator(name, rule)


def _check_operator(name: str, rule: dict[str, Any]) -> None:
    if len(rule) != 1:
        raise InvalidPattern(f"{name!r} has an operator that is not one of a kind")
    ((operator, operand),) = rule.items()
    is_valid = _OPERATORS.get(operator)
    if is_valid is None:
        raise InvalidPattern(f"{name!r} has an unknown operator {operator!r}")
    if not is_valid(operand):
        raise InvalidPattern(f"the operator {operator!r} of {name!r} cannot take its value")


def _is_text(operand: Any) -> bool:
    """A string, or one compared without regard to case."""
    if isinstance(operand, dict):
        return operand.keys() == {"equals-ignore-case"} and isinstance(
            operand["equals-ignore-case"], str
        )
    return isinstance(operand, str)


def _is_numeric(operand: Any) -> bool:
    """One or two comparisons with numbers; two make a range."""
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        return False
    signs, numbers = operand[::2], operand[1::2]
    are_numbers = all(_is_number(number) for number in numbers)
    if not are_numbers or not all(sign in _COMPARISONS for sign in map(str, signs)):
        return False
    if len(signs) == 1:
        return True
    is_range = signs[0] in (">", ">=") and signs[1] in ("<", "<=")
    return is_range and bool(numbers[0] < numbers[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_literal(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _is_anything_but(operand: Any) -> bool:
    """A literal, a list of them, or another operator on strings."""
    if isinstance(operand, dict):
        if len(operand) != 1:
            return False
        ((operator, inner),) = operand.items()
        of_texts = operator in ("prefix", "suffix", "equals-ignore-case", "wildcard")
        texts = inner if isinstance(inner, list) else [inner]
        return of_texts and bool(texts) and all(isinstance(text, str) for text in texts)
    if isinstance(operand, list):
        return bool(operand) and all(_is_literal(each) for each in operand)
    return _is_literal(operand)


def _is_cidr(operand: Any) -> bool:
    try:
        ipaddress.ip_network(operand, strict=False)
    except (ValueError, TypeError):
        return False
    return isinstance(operand, str) and "/" in operand


_OPERATORS: dict[str, Callable[[Any], bool]] = {
    "anything-but": _is_anything_but,
    "cidr": _is_cidr,
    "equals-ignore-case": lambda operand: isinstance(operand, str),
    "exists": lambda operand: isinstance(operand, bool),
    "numeric": _is_numeric,
    "prefix": _is_text,
    "suffix": _is_text,
    "wildcard": lambda operand: isinstance(operand, str) and "**" not in operand,
}
