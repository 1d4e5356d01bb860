"""Regular expressions between percent signs, in the small language that CloudWatch allows.

    letters, digits and _#=@/;,-    themselves; what else there is takes a backslash
    . \\d \\D \\s \\S \\w \\W \\x41        any character, kinds of characters, one by its number
    [a-z_] [^0-9]                   one of these, one that is not
    ? * + {2} {2,} {2,5}            how often what stands before
    ^ $ |                           the beginning, the end, alternatives

There are no groups, so that an expression is nothing but chains of characters that are repeated.
It runs as an automaton (automaton.py), which no message can make slow: a matcher that goes back
and tries again, as Python's, can be made to take hours by forty characters.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from itertools import groupby

from lambdad.model.filter_pattern.automaton import Alternative, Automaton, Characters, Item
from lambdad.model.filter_pattern.pattern import InvalidFilterPattern

MOST_ITEMS = 2_000  # of all alternatives, once everything is repeated as often as it says

_ASCII = frozenset(map(chr, range(128)))
_KINDS = {
    "d": frozenset(string.digits),
    "s": frozenset(" \t\n\r\f\v"),
    "w": frozenset(string.ascii_letters + string.digits + "_"),
}
_ONE = re.compile(
    r"\\x(?P<number>[0-9a-fA-F]{2})|\\(?P<kind>[dDsSwW])|\\(?P<control>[tnrf])"
    r"|\\(?P<escaped>[^A-Za-z0-9])|(?P<plain>[A-Za-z0-9_#=@/;,-])"
)
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_PLAIN_IN_CLASS = re.compile(r"[.|*+?^${}]")
_CLASS = re.compile(r"\[(\^?)((?:[^\]\\]|\\.)+)\]")
_REPETITION = re.compile(r"(?:([*+?])|\{(\d{1,4})(?:(,)(\d{0,4}))?\})\??")  # `*?` finds no other
_ANYTHING = Characters(_ASCII, has_others=True)


@dataclass(frozen=True, slots=True)
class Regex:
    """An expression that was read."""

    text: str
    literal: str  # what every match has in it; empty if nothing
    automaton: Automaton

    def is_in(self, message: str) -> bool:
        """Whether any part of the message matches."""
        return self.literal in message and self.automaton.finds(message)

    def required_terms(self) -> frozenset[str]:
        return frozenset({self.literal} - {""})


def parse_regex(text: str) -> Regex:
    """Read what stands between the percent signs."""
    alternatives, left = [], MOST_ITEMS
    for part in _split(text):
        alternatives.append(_alternative(part, text, left))
        left -= len(alternatives[-1].items)
    literal = _literal(alternatives[0]) if len(alternatives) == 1 else ""
    return Regex(text, literal, Automaton(tuple(alternatives)))


def _split(text: str) -> list[str]:
    """What stands between the bars that are not in brackets or behind a backslash."""
    parts = [""]
    for token in re.findall(r"\\.|\[(?:[^\]\\]|\\.)*\]|.", text, re.DOTALL):
        if token == "|":  # noqa: S105 - no password
            parts.append("")
        else:
            parts[-1] += token
    return parts


def _alternative(part: str, text: str, most_items: int) -> Alternative:
    is_anchored = part.startswith("^")
    offset, items, ends = int(is_anchored), [], False
    while offset < len(part):
        if part[offset:] == "$":
            ends = True
            break
        characters, offset = _characters(part, offset, text)
        repetition = _REPETITION.match(part, offset)
        if repetition is None:
            items.append(Item(characters))
        else:
            offset = repetition.end()
            items += _repeated(characters, repetition, text)
        if len(items) > most_items:
            raise _invalid(text)
    return Alternative(tuple(items), is_anchored, ends)


def _characters(part: str, offset: int, text: str) -> tuple[Characters, int]:
    """One character or kind of characters, and where it ends."""
    if part[offset] == ".":
        return _ANYTHING, offset + 1
    if found := _CLASS.match(part, offset):
        return _class(found[2], bool(found[1]), text), found.end()
    if found := _ONE.match(part, offset):
        return _one(found), found.end()
    raise _invalid(text)


def _one(found: re.Match[str]) -> Characters:
    if kind := found["kind"]:
        characters = _KINDS[kind.lower()]
        is_other = kind.isupper()
        return Characters(_ASCII - characters if is_other else characters, has_others=is_other)
    if number := found["number"]:
        return Characters(frozenset(chr(int(number, 16))))
    if control := found["control"]:
        return Characters(frozenset(_CONTROLS[control]))
    return Characters(frozenset(found["escaped"] or found["plain"]))


def _class(inner: str, is_negated: bool, text: str) -> Characters:
    """What stands in brackets."""
    listed: frozenset[str] = frozenset()
    has_others, offset = False, 0
    while offset < len(inner):
        found = _PLAIN_IN_CLASS.match(inner, offset) or _ONE.match(inner, offset)
        if found is None:
            raise _invalid(text)
        offset = found.end()
        first = _one(found) if found.re is _ONE else Characters(frozenset(found[0]))
        last = _ONE.match(inner, offset + 1) if inner[offset : offset + 1] == "-" else None
        if last is not None:
            offset = last.end()
            first = _range(first, _one(last), text)
        listed |= first.ascii
        has_others |= first.has_others
    if is_negated:
        return Characters(_ASCII - listed, has_others=not has_others)
    return Characters(listed, has_others=has_others)


def _range(first: Characters, last: Characters, text: str) -> Characters:
    if len(first.ascii) != 1 or len(last.ascii) != 1:
        raise _invalid(text)
    (low,), (high,) = first.ascii, last.ascii
    if low > high:
        raise _invalid(text)
    return Characters(frozenset(map(chr, range(ord(low), ord(high) + 1))))


def _repeated(characters: Characters, repetition: re.Match[str], text: str) -> list[Item]:
    sign, least, comma, most = repetition.groups()
    if sign:
        low, high = {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
    else:
        low = int(least)
        high = (int(most) if most else None) if comma else low
    if (high is not None and high < low) or max(low, high or 0) > MOST_ITEMS:
        raise _invalid(text)
    items = [Item(characters)] * low
    if high is None:
        return [*items, Item(characters, is_optional=True, is_repeated=True)]
    return items + [Item(characters, is_optional=True)] * (high - low)


def _literal(alternative: Alternative) -> str:
    """The longest text that every match has in it."""
    found = [""]
    for is_certain, run in groupby(alternative.items, key=_is_certain):
        if is_certain:
            found.append("".join(next(iter(item.characters.ascii)) for item in run))
    return max(found, key=len)


def _is_certain(item: Item) -> bool:
    characters = item.characters
    return not item.is_optional and len(characters.ascii) == 1 and not characters.has_others


def _invalid(text: str) -> InvalidFilterPattern:
    return InvalidFilterPattern(f"Invalid regular expression '{text}' in filter pattern")
