"""Strings that match a regular expression, picked at random.

Hypothesis can do this too, but takes the expression apart again at every draw.
"""

from __future__ import annotations

import re
from functools import cache
from random import Random
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_ANY = "aZ09-_./ é"
_CATEGORIES = {
    codes.CATEGORY_DIGIT: "0189",
    codes.CATEGORY_WORD: "aZ09_",
    codes.CATEGORY_SPACE: " \t",
    codes.CATEGORY_NOT_SPACE: "aZ9-_",
    codes.CATEGORY_NOT_DIGIT: "aZ-_ ",
    codes.CATEGORY_NOT_WORD: "- +",
}


def sample(pattern: str, seed: int, least: int, most: int) -> str | None:
    """A string that matches `pattern` as a whole and has a length in the range, if one is found."""
    random, regex = Random(seed), re.compile(pattern, re.ASCII)
    for _ in range(200):
        text = _sequence(_parsed(pattern), random, least)
        if least <= len(text) <= most and regex.fullmatch(text):
            return text
    return None


@cache
def _parsed(pattern: str) -> Any:
    return parser.parse(pattern, re.ASCII)


def _sequence(parts: Any, random: Random, least: int) -> str:
    return "".join(_part(code, argument, random, least) for code, argument in parts)


def _part(code: Any, argument: Any, random: Random, least: int) -> str:
    if code is codes.LITERAL:
        return chr(argument)
    if code is codes.NOT_LITERAL:
        return random.choice([c for c in _ANY if c != chr(argument)])
    if code is codes.ANY:
        return random.choice(_ANY)
    if code is codes.IN:
        return _member(argument, random)
    if code is codes.BRANCH:
        return _sequence(random.choice(argument[1]), random, least)
    if code is codes.SUBPATTERN:
        return _sequence(argument[-1], random, least)
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        low, high, inner = argument
        times = random.randint(low, min(int(high), max(low + 3, least)))
        return "".join(_sequence(inner, random, 0) for _ in range(times))
    return ""  # assertions and anchors: the whole is checked in the end


def _member(items: Any, random: Random) -> str:
    if items[0][0] is codes.NEGATE:
        allowed = re.compile(f"{_character_class(items)}", re.ASCII)
        return random.choice([c for c in _ANY if allowed.fullmatch(c)] or [""])
    code, argument = random.choice(items)
    if code is codes.RANGE:
        low = max(argument[0], min(argument[1], ord(" ")))  # XML cannot have what comes before it
        return chr(random.randint(low, min(argument[1], low + 25)))
    return random.choice(_CATEGORIES[argument]) if code is codes.CATEGORY else chr(argument)


def _character_class(items: Any) -> str:
    literals = (re.escape(chr(argument)) for code, argument in items if code is codes.LITERAL)
    ranges = (
        f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
        for code, argument in items
        if code is codes.RANGE
    )
    spaces = r"\s" if any(code is codes.CATEGORY for code, _ in items) else ""
    return f"[^{''.join([*literals, *ranges])}{spaces}]"
