"""Regular expressions of queries: read as far as their groups go.

They run on RE2, which takes time in proportion to the text whatever the pattern. What it therefore
cannot do (looking around, referring back) is refused here, with a place, and so is what cannot be
a pattern at all. Groups lose their names, which dialects spell differently.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lambdad.model.insights.malformed import MalformedQuery, Span
from lambdad.model.insights.syntax import Regexp

MAX_GROUPS = 100
MAX_REPETITION = 1000

_REFUSED = {
    "?=": "looking ahead",
    "?!": "looking ahead",
    "?<=": "looking behind",
    "?<!": "looking behind",
    "?>": "atomic groups",
}


def parse_regexp(pattern: str, span: Span) -> Regexp:
    """Read a pattern; `span` is where it stands in the query."""
    return _Reader(pattern, span).read()


def glob(pattern: str, names: tuple[str, ...]) -> Regexp:
    """A pattern whose stars stand for any text, as short as it can be; the last star, at the end,
    takes all that is left."""
    pieces = [_literal(piece) for piece in pattern.split("*")]
    if len(pieces) > 1 and pieces[-1] == "":
        return Regexp("(?s)" + "(.*?)".join(pieces[:-1]) + "(.*)", names)
    return Regexp("(?s)" + "(.*?)".join(pieces), names)


def _literal(text: str) -> str:
    return "".join(
        character if character.isalnum() or not character.isascii() else f"\\x{ord(character):02x}"
        for character in text
    )


@dataclass
class _Reader:
    pattern: str
    span: Span
    at: int = 0
    depth: int = 0
    names: list[str | None] = field(default_factory=list)
    out: list[str] = field(default_factory=list)

    def read(self) -> Regexp:
        while self.at < len(self.pattern):
            self._step(self.pattern[self.at])
        if self.depth:
            raise self._error("a group is not closed")
        if len(self.names) > MAX_GROUPS:
            raise self._error(f"there are more than {MAX_GROUPS} groups")
        return Regexp("".join(self.out), tuple(self.names))

    def _step(self, character: str) -> None:
        if character == "\\":
            self._escape()
        elif character == "[":
            self._take(self._end_of_class() - self.at)
        elif character == "(":
            self._open()
        elif character == ")":
            self.depth -= 1
            if self.depth < 0:
                raise self._error("a group is closed that was not opened")
            self._take(1)
        elif character == "{":
            self._repeat()
        else:
            self._take(1)

    def _take(self, count: int) -> None:
        self.out.append(self.pattern[self.at : self.at + count])
        self.at += count

    def _escape(self) -> None:
        following = self.pattern[self.at + 1 : self.at + 2]
        if not following:
            raise self._error("it ends with a backslash")
        if following in "123456789k":
            raise self._error("referring back to a group is not supported")
        self._take(2)

    def _end_of_class(self) -> int:
        """Behind the bracket that closes; one right at the beginning stands for itself."""
        at = self.at + 1
        if self.pattern[at : at + 1] == "^":
            at += 1
        if self.pattern[at : at + 1] == "]":
            at += 1
        while at < len(self.pattern) and self.pattern[at] != "]":
            if self.pattern[at : at + 2] == "[:":  # [[:alpha:]]
                at = max(self.pattern.find(":]", at) + 1, at)
            at += 2 if self.pattern[at] == "\\" else 1
        if at >= len(self.pattern):
            raise self._error("a set of characters is not closed")
        return at + 1

    def _open(self) -> None:
        self.depth += 1
        rest = self.pattern[self.at + 1 : self.at + 4]
        for sign, what in _REFUSED.items():
            if rest.startswith(sign):
                raise self._error(f"{what} is not supported")
        if rest.startswith(("?<", "?P<")):
            self._open_named()
        elif rest.startswith("?"):
            self._take(2)
        else:
            self.names.append(None)
            self._take(1)

    def _open_named(self) -> None:
        start = self.pattern.index("<", self.at) + 1
        end = self.pattern.find(">", start)
        name = self.pattern[start:end] if end > 0 else ""
        if not name.replace("@", "").replace(".", "").isidentifier():
            raise self._error("a group's name is not closed, or is no name")
        self.names.append(name)
        self.out.append("(")
        self.at = end + 1

    def _repeat(self) -> None:
        end = self.pattern.find("}", self.at)
        bounds = self.pattern[self.at + 1 : end].split(",") if end > 0 else [""]
        if not bounds[0].isdecimal() or not all(bound.isdecimal() or not bound for bound in bounds):
            self._take(1)  # a brace that is no repetition stands for itself
            return
        if any(len(bound) > 4 or int(bound or 0) > MAX_REPETITION for bound in bounds):
            raise self._error(f"nothing can be repeated more than {MAX_REPETITION} times")
        self._take(end + 1 - self.at)

    def _error(self, message: str) -> MalformedQuery:
        return MalformedQuery(f"invalid regular expression: {message}", self.span)
