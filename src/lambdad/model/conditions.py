"""Conditions of policies: their operators, and when a block of them is met.

A block `{"StringLike": {"aws:PrincipalTag/team": ["a*", "b*"]}}` is met when every operator is
met for every key; of several values that the policy lists, one is enough.
"""

from __future__ import annotations

import operator
import re
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Any, TypeVar

from lambdad.model.wildcards import Context, matches

# Compares a value of the policy with one of the request.
Comparison = Callable[[str, str, Context | None], bool]
T = TypeVar("T")

_ARN_PARTS = 6
_COLON = re.compile(r":(?![^{}]{0,256}\})")  # not one within a variable


def are_met(block: Any, context: Context, variables: Context | None) -> bool:
    """Whether a request with these condition keys meets `block`; what cannot be read is never
    met. `variables` are what policy variables stand for, None where the policy has none."""
    if not isinstance(block, Mapping):
        return False
    return all(
        _is_met(parse_operator(name), keys, context, variables) for name, keys in block.items()
    )


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator, such as `ForAnyValue:StringNotLikeIfExists`; `compare` is None for Null."""

    compare: Comparison | None
    is_negated: bool = False
    quantifier: str = ""
    if_exists: bool = False


def parse_operator(name: Any) -> Operator | None:
    """The operator of this name, None when there is none."""
    if not isinstance(name, str):
        return None
    quantifier, _, rest = name.lower().rpartition(":")
    plain = rest.removesuffix("ifexists")
    if quantifier not in ("", "foranyvalue", "forallvalues"):
        return None
    if plain == "null":
        return Operator(None) if name.lower() == "null" else None
    if plain in _COMPARISONS:
        return Operator(_COMPARISONS[plain], False, quantifier, plain != rest)
    if plain in _NEGATED:
        return Operator(_COMPARISONS[_NEGATED[plain]], True, quantifier, plain != rest)
    return None


def condition_values(values: Any) -> list[str] | None:
    """The values that a policy lists for a key, as text; None when they cannot be read."""
    listed = values if isinstance(values, list) else [values]
    texts = [_text(value) for value in listed]
    readable = [text for text in texts if text is not None]
    return readable if len(readable) == len(texts) else None


def _is_met(
    operator_: Operator | None, keys: Any, context: Context, variables: Context | None
) -> bool:
    if operator_ is None or not isinstance(keys, Mapping):
        return False
    return all(
        isinstance(key, str)
        and _holds(operator_, condition_values(values), context.get(key.lower(), ()), variables)
        for key, values in keys.items()
    )


def _holds(
    operator_: Operator,
    expected: list[str] | None,
    found: tuple[str, ...],
    variables: Context | None,
) -> bool:
    """Whether one key, which has the values `found` in the request, is as expected."""
    compare = operator_.compare
    if expected is None:
        return False
    if compare is None:
        return ("false" if found else "true") in [value.lower() for value in expected]
    if not found:
        return _holds_without(operator_)
    held = [
        any(compare(value, each, variables) for value in expected) != operator_.is_negated
        for each in found
    ]
    is_any_enough = operator_.quantifier == "foranyvalue" or not (
        operator_.quantifier or operator_.is_negated
    )
    return any(held) if is_any_enough else all(held)


def _holds_without(operator_: Operator) -> bool:
    """Whether it holds for a request that does not have the key."""
    if operator_.if_exists or operator_.quantifier == "forallvalues":
        return True
    return operator_.is_negated and not operator_.quantifier


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def _string_equals(expected: str, found: str, variables: Context | None) -> bool:
    return matches(expected, found, variables, has_wildcards=False)


def _string_equals_ignore_case(expected: str, found: str, variables: Context | None) -> bool:
    return matches(expected, found, variables, has_wildcards=False, is_case_ignored=True)


def _arn_like(expected: str, found: str, variables: Context | None) -> bool:
    """Each of the six parts by itself: a star does not reach over a colon, but in the last."""
    parts = _COLON.split(expected, maxsplit=_ARN_PARTS - 1)
    found_parts = found.split(":", _ARN_PARTS - 1)
    return len(parts) == len(found_parts) == _ARN_PARTS and all(
        matches(part, found_part, variables)
        for part, found_part in zip(parts, found_parts, strict=True)
    )


def _compared(parse: Callable[[str], T], compare: Callable[[T, T], bool]) -> Comparison:
    """Compares what the two texts mean; what means nothing compares with nothing."""

    def compared(expected: str, found: str, variables: Context | None) -> bool:
        try:
            return compare(parse(found), parse(expected))
        except (ValueError, OverflowError):
            return False

    return compared


def _seconds(text: str) -> float:
    """A date, or seconds since the epoch."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _binary(text: str) -> bytes:
    return b64decode(text, validate=True)


def _is_in_network(expected: str, found: str, variables: Context | None) -> bool:
    try:
        return ip_address(found) in ip_network(expected, strict=False)
    except ValueError:
        return False


def _ordered(prefix: str, parse: Callable[[str], float]) -> dict[str, Comparison]:
    return {
        f"{prefix}equals": _compared(parse, operator.eq),
        f"{prefix}greaterthan": _compared(parse, operator.gt),
        f"{prefix}greaterthanequals": _compared(parse, operator.ge),
        f"{prefix}lessthan": _compared(parse, operator.lt),
        f"{prefix}lessthanequals": _compared(parse, operator.le),
    }


_COMPARISONS: Mapping[str, Comparison] = MappingProxyType(
    {
        "stringequals": _string_equals,
        "stringequalsignorecase": _string_equals_ignore_case,
        "stringlike": matches,
        "arnequals": _arn_like,
        "arnlike": _arn_like,
        **_ordered("numeric", float),
        **_ordered("date", _seconds),
        "bool": _compared(_boolean, operator.eq),
        "binaryequals": _compared(_binary, operator.eq),
        "ipaddress": _is_in_network,
    }
)
_NEGATED: Mapping[str, str] = MappingProxyType(
    {
        "stringnotequals": "stringequals",
        "stringnotequalsignorecase": "stringequalsignorecase",
        "stringnotlike": "stringlike",
        "arnnotequals": "arnequals",
        "arnnotlike": "arnlike",
        "numericnotequals": "numericequals",
        "datenotequals": "dateequals",
        "notipaddress": "ipaddress",
    }
)
