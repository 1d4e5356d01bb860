r"""The models' regular expressions are written for Java; here they become Python's.

AWS matches the whole value. What differs from Python and stands in the models: `\p{L}` classes
(which also hold what `\w` would add), a range that cannot be one (`[\w-_]`), a dot that stops at
every line terminator, and classes such as `\d` that know ASCII only.
"""

from __future__ import annotations

import logging
import re
import unicodedata
import warnings
from functools import cache
from itertools import groupby

# A regular expression cut into: an escape, a Unicode class, or a single character.
_PART = re.compile(r"\\p\{(?:Is)?(?P<category>[A-Z])[a-z]?\}|\\.|.", re.DOTALL)
_LINE_TERMINATORS = r"\n\r\u0085\u2028\u2029"
_SHORTHANDS = frozenset("dDwWsS")
_LAST_LETTER = 0x40000  # no plane above holds letters, numbers or separators

log = logging.getLogger(__name__)


@cache
def compile_pattern(pattern: str) -> re.Pattern[str] | None:
    """Compile a model's pattern, for `fullmatch`; None when Python cannot: it then allows all."""
    try:
        with warnings.catch_warnings():
            # What Python warns of, nested sets and their like, it reads otherwise than Java.
            warnings.simplefilter("error", FutureWarning)
            return re.compile(to_python(pattern), re.ASCII)
    except (re.error, FutureWarning) as error:
        log.warning("The pattern %r of a service model cannot be checked: %s.", pattern, error)
        return None


def to_python(pattern: str) -> str:
    """The same language, in Python's spelling."""
    output: list[str] = []
    in_class = False
    previous = ""
    for match in _PART.finditer(pattern):
        part = match[0]
        if match["category"]:
            ranges = _ranges(match["category"])
            output.append(ranges if in_class else f"[{ranges}]")
        elif in_class:
            is_first = previous in ("[", "[^")
            output.append(_in_class(part, previous))
            in_class = part != "]" or is_first
        else:
            output.append(f"[^{_LINE_TERMINATORS}]" if part == "." else part)
            in_class = part == "["
        previous = "[^" if part == "^" and previous == "[" else part
    return "".join(output)


def _in_class(part: str, previous: str) -> str:
    """A dash after a shorthand is a dash, and a bracket in a class is a bracket."""
    after_shorthand = previous[:1] == "\\" and previous[1:2] in {*_SHORTHANDS, "p"}
    if part == "[" or (part == "-" and after_shorthand):
        return "\\" + part
    return part


@cache
def _ranges(category: str) -> str:
    """All characters of a Unicode category, as the inside of a character class."""
    return "".join(
        f"\\U{first:08x}-\\U{last:08x}"
        for kind, first, last in _category_runs()
        if kind == category
    )


@cache
def _category_runs() -> tuple[tuple[str, int, int], ...]:
    kinds = (unicodedata.category(chr(code))[0] for code in range(_LAST_LETTER))
    runs, first = [], 0
    for kind, run in groupby(kinds):
        after = first + sum(1 for _ in run)
        runs.append((kind, first, after - 1))
        first = after
    return tuple(runs)
