"""Rules of composite alarms.

    ALARM("api errors") AND (OK(queue) OR NOT INSUFFICIENT_DATA(database))
    AT_LEAST(2, ALARM, (node1, node2, node3))    AT_LEAST(50%, NOT OK, (a, b))
    TRUE    FALSE

Alarms are named by name or ARN, with or without quotes. NOT binds most, OR least. A rule is kept
in postfix order, so none is too deep.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TypeAlias

LONGEST = 10_240  # characters
MOST_ALARMS = 100
MOST_ELEMENTS = 500  # alarms, TRUE, FALSE and parentheses

_STATES = ("ALARM", "OK", "INSUFFICIENT_DATA")
# A name without quotes neither begins nor ends with a space: there is one way to read it.
_NAME = r'"(?:[^"\\]|\\.)*"|[^\s"(),](?:[^"(),]*[^\s"(),])?'
_TOKEN = re.compile(
    rf"""\s*(?:
        (?P<state>{"|".join(_STATES)})\s*\(\s*(?P<name>{_NAME})\s*\)
      | AT_LEAST\s*\(\s*(?P<least>\d{{1,3}})(?P<percent>%?)\s*,
            \s*(?P<negated>NOT\s+)?(?P<wanted>{"|".join(_STATES)})\s*,
            \s*\(\s*(?P<names>(?:{_NAME})(?:\s*,\s*(?:{_NAME}))*)\s*\)\s*\)
      | (?P<word>AND|OR|NOT|TRUE|FALSE)\b
      | (?P<sign>[()])
    )""",
    re.VERBOSE | re.ASCII,
)
_RANKS: Mapping[str, int] = MappingProxyType({"OR": 1, "AND": 2, "NOT": 3})

StateOf: TypeAlias = Callable[[str], str]


class InvalidRuleError(ValueError):
    """A rule that says nothing; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Condition:
    """At least `least` of `alarms` are in `state`, or, if `is_negated`, are not."""

    alarms: tuple[str, ...]
    state: str
    least: int = 1
    is_negated: bool = False

    def holds(self, state_of: StateOf) -> bool:
        """Whether it is so."""
        found = sum((state_of(each) == self.state) is not self.is_negated for each in self.alarms)
        return found >= self.least


Step: TypeAlias = Condition | bool | str  # a string is an operator


@dataclass(frozen=True, slots=True)
class AlarmRule:
    """A rule that has been read."""

    text: str
    steps: tuple[Step, ...]

    def references(self) -> frozenset[str]:
        """The alarms that it names, as it names them."""
        conditions = (step for step in self.steps if isinstance(step, Condition))
        return frozenset(alarm for condition in conditions for alarm in condition.alarms)

    def holds(self, state_of: StateOf) -> bool:
        """Whether the composite alarm is in ALARM, when its alarms are in these states."""
        stack: list[bool] = []
        for step in self.steps:
            match step:
                case Condition():
                    stack.append(step.holds(state_of))
                case bool():
                    stack.append(step)
                case "NOT":
                    stack.append(not stack.pop())
                case _:
                    right, left = stack.pop(), stack.pop()
                    stack.append((left and right) if step == "AND" else (left or right))
        return stack.pop()


def parse_rule(text: str) -> AlarmRule:
    """Read a rule; InvalidRuleError says what is wrong with it."""
    if text != text.strip() or not text:
        raise InvalidRuleError(
            "AlarmRule must not contain leading or trailing whitespace or be null"
        )
    if len(text) > LONGEST:
        raise InvalidRuleError(f"AlarmRule must not be longer than {LONGEST} characters")
    rule = AlarmRule(text, _Parser(text).steps())
    if len(rule.references()) > MOST_ALARMS:
        raise InvalidRuleError(f"AlarmRule must not name more than {MOST_ALARMS} alarms")
    return rule


def child_reason(alarm_arn: str, state: str, moment: float) -> str:
    """Why a composite alarm has changed its state: what one of its alarms did at `moment`, in epoch
    seconds."""
    when = datetime.fromtimestamp(moment, UTC)
    return f"{alarm_arn} transitioned to {state} at {when:%A %d %B, %Y %H:%M:%S} UTC"


class _Parser:
    """Puts operators behind what they work on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._steps: list[Step] = []
        self._operators: list[str] = []
        self._elements = 0

    def steps(self) -> tuple[Step, ...]:
        """The whole rule."""
        position, is_whole = 0, False
        while position < len(self._text):
            match = _TOKEN.match(self._text, position)
            if match is None:
                raise self._unexpected(position)
            word = match["word"] or match["sign"] or ""
            if is_whole != (word in ("AND", "OR", ")")):
                raise self._unexpected(position)
            is_whole = self._take(match, word, position)
            position = match.end()
        if not is_whole:
            raise InvalidRuleError("AlarmRule ends where an alarm is expected")
        self._apply(lambda operator: operator != "(")
        if self._operators:
            raise InvalidRuleError("AlarmRule has a parenthesis that is not closed")
        return tuple(self._steps)

    def _take(self, match: re.Match[str], word: str, position: int) -> bool:
        """Take one token; whether it ends something that is whole."""
        match word:
            case "AND" | "OR":
                self._apply(lambda operator: _RANKS.get(operator, 0) >= _RANKS[word])
                self._operators.append(word)
                return False
            case "NOT" | "(":
                self._operators.append(word)
                self._count(word == "(")
                return False
            case ")":
                self._apply(lambda operator: operator != "(")
                if not self._operators:
                    raise self._unexpected(position)
                self._operators.pop()
                self._count(1)
                return True
            case "TRUE" | "FALSE":
                self._steps.append(word == "TRUE")
                self._count(1)
                return True
        condition = _condition(match)
        self._steps.append(condition)
        self._count(len(condition.alarms))
        return True

    def _apply(self, is_due: Callable[[str], bool]) -> None:
        while self._operators and is_due(self._operators[-1]):
            self._steps.append(self._operators.pop())

    def _count(self, elements: int) -> None:
        self._elements += elements
        if self._elements > MOST_ELEMENTS:
            raise InvalidRuleError(f"AlarmRule must not have more than {MOST_ELEMENTS} elements")

    def _unexpected(self, position: int) -> InvalidRuleError:
        rest = self._text[position:].lstrip()
        place = len(self._text) - len(rest) + 1
        return InvalidRuleError(f"AlarmRule has an unexpected '{rest[:20]}' at position {place}")


def _condition(match: re.Match[str]) -> Condition:
    if match["state"]:
        return Condition((_unquoted(match["name"]),), match["state"])
    alarms = tuple(map(_unquoted, re.findall(_NAME, match["names"])))
    least = int(match["least"])
    if match["percent"]:
        least = math.ceil(len(alarms) * min(least, 100) / 100)
    if not 1 <= least <= len(alarms):
        raise InvalidRuleError(f"AT_LEAST cannot ask for {match['least']} of {len(alarms)} alarms")
    return Condition(alarms, match["wanted"], least, is_negated=bool(match["negated"]))


def _unquoted(name: str) -> str:
    if name.startswith('"'):
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name
