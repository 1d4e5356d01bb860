"""A control plane on a real store, with a preparation that a test can hold back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lambdad.store.database import Database
from support.control_plane import Plane, creation, make_zip, open_control_plane


@pytest.fixture
async def open_plane(tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[Plane]]]:
    """Opens a control plane on this test's state; several times: as after a restart."""
    database = Database.open(tmp_path / "state.db")
    opened: list[Plane] = []

    async def open_and_remember() -> Plane:
        opened.append(await open_control_plane(database, tmp_path))
        return opened[-1]

    yield open_and_remember
    for plane in opened:
        await plane.control.changes.stop()
    database.close()


@pytest.fixture
async def plane(open_plane: Callable[[], Awaitable[Plane]]) -> Plane:
    return await open_plane()


@pytest.fixture
def new_zip() -> Callable[[dict[str, str]], bytes]:
    return make_zip


@pytest.fixture
def new_creation() -> Callable[..., dict[str, Any]]:
    return partial(creation)
