"""Reads the text of a pattern from the left to the right."""

from __future__ import annotations

import re

from lambdad.model.filter_pattern.pattern import InvalidFilterPattern

_SPACE = re.compile(r"\s*")


class Scanner:
    """A place in the text. Space before what is looked for does not matter."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._offset = 0

    def take(self, form: re.Pattern[str]) -> re.Match[str] | None:
        """What has this form, if it comes next; the place is then behind it."""
        start = self._skip_space()
        match = form.match(self._text, start)
        if match is not None:
            self._offset = match.end()
        return match

    def sees(self, form: re.Pattern[str]) -> bool:
        """Whether what has this form comes next."""
        return form.match(self._text, self._skip_space()) is not None

    def takes(self, literal: str) -> bool:
        """Whether this comes next; the place is then behind it."""
        start = self._skip_space()
        found = self._text.startswith(literal, start)
        if found:
            self._offset = start + len(literal)
        return found

    def expect(self, literal: str) -> None:
        """Go behind this, which must come next."""
        if not self.takes(literal):
            raise self.invalid()

    def expect_end(self) -> None:
        if self._skip_space() < len(self._text):
            raise self.invalid()

    def invalid(self) -> InvalidFilterPattern:
        """The error for what is at this place."""
        return InvalidFilterPattern(f"Invalid filter pattern: unexpected text at {self._offset}")

    def _skip_space(self) -> int:
        space = _SPACE.match(self._text, self._offset)
        assert space is not None
        return space.end()
