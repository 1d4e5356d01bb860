"""Secrets of this installation, such as the key that signs download links."""

from __future__ import annotations

import secrets as random

from sqlalchemy import Connection, insert, select

from lambdad.store.database import Database
from lambdad.store.schema import secrets

SECRET_SIZE = 32


class Secrets:
    """Random bytes by name, made at first use and the same ever after."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, bytes] = {}

    async def secret(self, name: str) -> bytes:
        """The secret of that name; once it has been returned it is on disk."""
        if name not in self._known:
            self._known[name] = await self._database.write(
                lambda connection: _load_or_create(connection, name)
            )
        return self._known[name]


def _load_or_create(connection: Connection, name: str) -> bytes:
    found = connection.scalar(select(secrets.c.value).where(secrets.c.name == name))
    if found is not None:
        return bytes(found)
    value = random.token_bytes(SECRET_SIZE)
    connection.execute(insert(secrets).values(name=name, value=value))
    return value
