"""Pages of a list: `MaxItems` and `Marker` ask for one, `IsTruncated` and `Marker` tell of more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")

_USUAL_SIZE = 100


def page(
    items: Iterable[tuple[str, T]], request: Mapping[str, Any]
) -> tuple[list[T], dict[str, Any]]:
    """The items of one page, and the members that say whether there are more.

    `items` are (marker, item), sorted by markers.
    """
    marker, size = request.get("Marker", ""), request.get("MaxItems", _USUAL_SIZE)
    following = ((mark, item) for mark, item in items if not marker or mark > marker)
    found = list(islice(following, size + 1))
    items_found = [item for _, item in found[:size]]
    if len(found) <= size:
        return items_found, {"IsTruncated": False}
    return items_found, {"IsTruncated": True, "Marker": found[size - 1][0]}


def by_place(items: Iterable[T]) -> Iterable[tuple[str, T]]:
    """Items of a short list with markers that are places: their own names may be too long for it,
    or hold what no marker may."""
    return ((f"{place:06}", item) for place, item in enumerate(items))
