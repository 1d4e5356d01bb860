"""Pages of a list: `MaxItems` and `Marker` in a request, `NextMarker` in an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")


def page(
    items: Iterable[T],
    request: Mapping[str, Any],
    marker_of: Callable[[T], str],
    *,
    largest: int,
) -> tuple[list[T], dict[str, str]]:
    """The first of `items`, which follow the request's marker, and NextMarker if there are more.

    A page has `MaxItems` items, at most `largest`. `marker_of` gives the marker after an item.
    """
    size = min(request.get("MaxItems") or largest, largest)
    found = list(islice(items, size + 1))
    if len(found) <= size:
        return found, {}
    return found[:size], {"NextMarker": marker_of(found[size - 1])}
