"""The catalog of functions: all of it in memory, written through to the database.

Reading never touches the disk. A change is visible when it is on disk, and not before.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Iterable
from typing import Self

from sqlalchemy import Connection, delete, insert, select

from lambdad.model.function import Function
from lambdad.store.database import Database
from lambdad.store.documents import parse_function, serialize_function
from lambdad.store.schema import functions

FunctionKey = tuple[str, str, str]  # account id, region, name


class Functions:
    """Every function of the node. The functions it hands out are immutable snapshots."""

    def __init__(self, database: Database, known: Iterable[Function] = ()) -> None:
        self._database = database
        self._by_key = {function.key: function for function in known}

    @classmethod
    async def load(cls, database: Database) -> Self:
        """Read the whole catalog."""
        documents = await database.read(_documents)
        return cls(database, map(parse_function, documents))

    def find(self, account_id: str, region: str, name: str) -> Function | None:
        return self._by_key.get((account_id, region, name))

    def list(self, account_id: str, region: str) -> builtins.list[Function]:
        """The functions of one account in one region, sorted by name."""
        owner = (account_id, region)
        found = [function for key, function in self._by_key.items() if key[:2] == owner]
        return sorted(found, key=lambda function: function.name)

    def all(self) -> Iterable[Function]:
        return tuple(self._by_key.values())

    async def save(self, function: Function) -> None:
        """Create or replace `function`; returns when it is on disk."""
        # Shielded, so that memory learns what the disk knows even if the caller is cancelled.
        await asyncio.shield(asyncio.ensure_future(self._save(function)))

    async def delete(self, key: FunctionKey) -> None:
        """Forget the function with this key, if there is one."""
        await asyncio.shield(asyncio.ensure_future(self._delete(key)))

    async def _save(self, function: Function) -> None:
        document = serialize_function(function)
        await self._database.write(lambda connection: _replace(connection, function.key, document))
        self._by_key[function.key] = function

    async def _delete(self, key: FunctionKey) -> None:
        await self._database.write(lambda connection: _delete(connection, key))
        self._by_key.pop(key, None)


def _documents(connection: Connection) -> list[str]:
    return list(connection.scalars(select(functions.c.document)))


def _replace(connection: Connection, key: FunctionKey, document: str) -> None:
    account_id, region, name = key
    _delete(connection, key)
    connection.execute(
        insert(functions).values(account_id=account_id, region=region, name=name, document=document)
    )


def _delete(connection: Connection, key: FunctionKey) -> None:
    account_id, region, name = key
    connection.execute(
        delete(functions).where(
            functions.c.account_id == account_id,
            functions.c.region == region,
            functions.c.name == name,
        )
    )
