"""What is wrong with a query, and where."""

from __future__ import annotations

Span = tuple[int, int]  # of characters of the query: the first, and the one behind the last


class MalformedQuery(Exception):
    """A query that cannot be run as it is written; `span` is the part to look at."""

    def __init__(self, message: str, span: Span) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
