"""Pagination: tokens for lists, and tokens for places among the lines.

A token of the second kind is a gap between two lines, with the direction of reading:
`f/<place>/s` is followed by the lines from that place on, `b/<place>/s` by those before it. So a
token at the end of the lines leads to itself, as CloudWatch's do, and finds lines that come later.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from lambdad.model.log_line import DIGITS, Position
from lambdad.services.logs.names import invalid_parameter

DEFAULT_LIST_LIMIT = 50

_PLACE_TOKEN = re.compile(rf"([fb])/(\d{{{4 * DIGITS}}})/s")
_INVALID_TOKEN = "The specified nextToken is invalid."  # noqa: S105 (no password)

T = TypeVar("T")


def page(
    items: Iterable[T],
    sort_key: Callable[[T], tuple[Any, ...]],
    request: dict[str, Any],
    *,
    descending: bool = False,
) -> tuple[list[T], str | None]:
    """The page of `items` that the request asks for, in order, and its nextToken.

    The token holds the last item's sort key, so items that come and go between two pages move
    nothing.
    """
    ordered = sorted(items, key=sort_key, reverse=descending)
    token = request.get("nextToken")
    if token is not None:
        last = _parse_list_token(token)
        ordered = [item for item in ordered if _is_behind(sort_key(item), last, descending)]
    limit = request.get("limit") or DEFAULT_LIST_LIMIT
    chosen = ordered[:limit]
    if len(ordered) <= limit:
        return chosen, None
    return chosen, _list_token(sort_key(chosen[-1]))


def place_token(direction: str, position: Position) -> str:
    return f"{direction}/{position.digits}/s"


def parse_place_token(token: str) -> tuple[str, Position]:
    """The direction, `f` or `b`, and the place."""
    match = _PLACE_TOKEN.fullmatch(token)
    if match is None:
        raise invalid_parameter(_INVALID_TOKEN)
    direction, digits = match.groups()
    numbers = (int(digits[at : at + DIGITS]) for at in range(0, len(digits), DIGITS))
    return direction, Position(*numbers)


def _list_token(sort_key: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(json.dumps(sort_key).encode()).decode()


def _parse_list_token(token: str) -> tuple[Any, ...]:
    try:
        parts = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise invalid_parameter(_INVALID_TOKEN) from error
    if not isinstance(parts, list):
        raise invalid_parameter(_INVALID_TOKEN)
    return tuple(parts)


def _is_behind(key: tuple[Any, ...], last: tuple[Any, ...], descending: bool) -> bool:
    try:
        return key < last if descending else key > last
    except TypeError as error:  # a token of another kind of list
        raise invalid_parameter(_INVALID_TOKEN) from error
