"""Pages of a list that is there as a whole: the token is a place in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from lambdad.services.cloudwatch.errors import invalid_next_token

T = TypeVar("T")

_MAX_DIGITS = 12


def page(items: Sequence[T], token: str | None, size: int) -> tuple[Sequence[T], dict[str, str]]:
    """The items of one page, and `NextToken` if there are more."""
    start = place_of(token)
    end = start + size
    return items[start:end], {"NextToken": str(end)} if end < len(items) else {}


def place_of(token: str | None) -> int:
    """The place that a token names; the first without one."""
    if token is None:
        return 0
    if not token.isascii() or not token.isdigit() or len(token) > _MAX_DIGITS:
        raise invalid_next_token()
    return int(token)
