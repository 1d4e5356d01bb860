"""STS on a real store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from lambdad.store.database import Database
from support.identity import Identity, open_identity


@pytest.fixture
def open_iam(tmp_path: Path) -> Iterator[Callable[[], Awaitable[Identity]]]:
    """Opens IAM on this test's state; several times: as after a restart."""
    database = Database.open(tmp_path / "state.db")
    yield partial(open_identity, database)
    database.close()


@pytest.fixture
async def iam(open_iam: Callable[[], Awaitable[Identity]]) -> Identity:
    return await open_iam()
