"""Secrets of the installation."""

from __future__ import annotations

import asyncio
from pathlib import Path

from lambdad.store.database import Database
from lambdad.store.secrets import Secrets


async def test_secret_is_made_once_and_kept(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    first = await Secrets(database).secret("code-links")
    database.close()
    database = Database.open(tmp_path / "state.db")

    assert await Secrets(database).secret("code-links") == first
    assert len(first) == 32
    database.close()


async def test_secrets_differ_by_name(database: Database) -> None:
    secrets = Secrets(database)
    assert await secrets.secret("a") != await secrets.secret("b")


async def test_concurrent_first_uses_agree(database: Database) -> None:
    found = await asyncio.gather(*(Secrets(database).secret("a") for _ in range(20)))
    assert len(set(found)) == 1
