"""What every kind of pattern can do."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class InvalidFilterPattern(ValueError):
    """The text is no pattern; the sentence says why."""


class FilterPattern(Protocol):
    """A pattern that was read; it never changes, so that threads may share it."""

    def matches(self, message: str) -> bool:
        """Whether the pattern lets this message through."""

    def extract(self, message: str, also: Collection[str] = ()) -> dict[str, str] | None:
        """What the message says of what the pattern names, and of the references `also`, by how
        they are written (`$.latency`, `$bytes`, `$1`); None when it does not match. What a
        message has not got is left out."""

    def required_terms(self) -> frozenset[str]:
        """Texts that every message has in it that matches, for an index to look for."""
