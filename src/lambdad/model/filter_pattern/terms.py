"""Patterns of terms: what stands anywhere in a message, upper and lower case being different.

ERROR timeout        both terms
"out of memory"      the whole phrase
%4\\d\\d%              what the regular expression finds
-DEBUG               not this term
?ERROR ?WARN         any of these; ignored, as CloudWatch says, beside terms of the other kinds
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from lambdad.model.filter_pattern.pattern import InvalidFilterPattern
from lambdad.model.filter_pattern.regex import Regex, parse_regex

# A sign, and a phrase in quotes (in which a backslash protects a quote or itself), a regular
# expression or a word.
_TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|([^\s"]+))(?=\s|$)')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Phrase:
    """A term that is text."""

    text: str

    def is_in(self, message: str) -> bool:
        return self.text in message

    def required_terms(self) -> frozenset[str]:
        return frozenset({self.text})


Term = Phrase | Regex


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a pattern, by what they ask."""

    required: tuple[Term, ...] = ()
    excluded: tuple[Term, ...] = ()
    optional: tuple[Term, ...] = ()

    def matches(self, message: str) -> bool:
        if self.required or self.excluded:
            return all(term.is_in(message) for term in self.required) and not any(
                term.is_in(message) for term in self.excluded
            )
        return not self.optional or any(term.is_in(message) for term in self.optional)

    def extract(self, message: str, also: Collection[str] = ()) -> dict[str, str] | None:
        """Terms name nothing."""
        return {} if self.matches(message) else None

    def required_terms(self) -> frozenset[str]:
        terms = self.required
        if not (terms or self.excluded) and len(self.optional) == 1:
            terms = self.optional
        return frozenset().union(*(term.required_terms() for term in terms))


def parse_terms(text: str) -> Terms:
    """Read a pattern of terms."""
    terms: dict[str, list[Term]] = {"": [], "-": [], "?": []}
    offset = 0
    while offset < len(text):
        match = _TERM.match(text, offset)
        if match is None:
            raise InvalidFilterPattern("Invalid filter pattern")
        sign, phrase, regex, word = match.groups()
        offset = match.end()
        if regex is not None:
            terms[sign].append(parse_regex(regex))
        elif word is not None:
            terms[sign].append(Phrase(word))
        elif sign or phrase.strip():  # `" "` lets everything through
            terms[sign].append(Phrase(_ESCAPED.sub(r"\1", phrase)))
    return Terms(tuple(terms[""]), tuple(terms["-"]), tuple(terms["?"]))
