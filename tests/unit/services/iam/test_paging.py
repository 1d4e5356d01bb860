"""Pages of a list."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdad.services.iam.paging import by_place, page


@given(st.sets(st.text(min_size=1)), st.integers(1, 5))
def test_pages_hold_every_item_once_and_in_order(names: set[str], size: int) -> None:
    items = sorted(names)
    for marked in (list(zip(items, items, strict=True)), list(by_place(items))):
        found: list[str] = []
        request: dict[str, Any] = {"MaxItems": size}
        while True:
            page_found, following = page(marked, request)
            assert len(page_found) <= size
            found += page_found
            if not following["IsTruncated"]:
                break
            assert page_found
            request["Marker"] = following["Marker"]
        assert found == items
