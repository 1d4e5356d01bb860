"""Filter patterns: which lines FilterLogEvents returns.

    ERROR timeout        both terms, anywhere in the line, upper and lower case being different
    "out of memory"      the whole phrase; anything but letters, digits and `_` needs the quotes
    -DEBUG               not this term
    ?ERROR ?WARN         any of these; ignored, as CloudWatch says, beside terms of the other kinds

Patterns for JSON `{ … }`, for columns `[ … ]` and regular expressions `%…%` are not supported yet
and are refused, rather than matching something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lambdad.services.logs.names import invalid_parameter

# A sign, and a phrase in quotes (in which a backslash protects a quote or itself) or a word.
_TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class FilterPattern:
    """The terms of a pattern, by what they ask."""

    required: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()

    def matches(self, message: str) -> bool:
        """Whether the pattern lets this line through; an empty pattern lets all through."""
        if self.required or self.excluded:
            return all(term in message for term in self.required) and not any(
                term in message for term in self.excluded
            )
        return not self.optional or any(term in message for term in self.optional)


def parse_filter_pattern(text: str) -> FilterPattern:
    """Read a pattern of terms."""
    text = text.strip()
    _refuse_unsupported(text)
    terms: dict[str, list[str]] = {"": [], "-": [], "?": []}
    offset = 0
    while offset < len(text):
        match = _TERM.match(text, offset)
        if match is None:
            raise invalid_parameter("Invalid filter pattern")
        sign, phrase, word = match.groups()
        terms[sign].append(word if phrase is None else _ESCAPED.sub(r"\1", phrase))
        offset = match.end()
    return FilterPattern(tuple(terms[""]), tuple(terms["-"]), tuple(terms["?"]))


def _refuse_unsupported(text: str) -> None:
    kinds = {"{": "for JSON", "[": "for space-delimited columns", "%": "with regular expressions"}
    kind = kinds.get(text[:1])
    if kind is not None:
        raise invalid_parameter(
            f'lambdad does not support filter patterns {kind} yet. Terms, "phrases", '
            "-exclusions and ?alternatives are supported."
        )
