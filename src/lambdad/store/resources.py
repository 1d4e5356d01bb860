"""The node's resources: all of them in memory, written through to the database.

Reading never touches the disk. A change is visible when it is on disk, and not before; what one
call saves and deletes is one transaction.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from typing import Self, TypeVar

from sqlalchemy import Connection, delete, insert, select

from lambdad.model.resource import Key, Resource
from lambdad.store.code_tally import CodeTally
from lambdad.store.database import Database
from lambdad.store.documents import KINDS, parse_resource, serialize_resource
from lambdad.store.schema import resources
from lambdad.store.url_index import UrlIndex

R = TypeVar("R", bound=Resource)


class _Shelf:
    """The resources of one kind."""

    def __init__(self) -> None:
        self.by_key: dict[Key, Resource] = {}
        self.ids: dict[tuple[str, str], list[str]] = {}  # of an account and region, sorted

    def put(self, resource: Resource) -> None:
        account_id, region, id = resource.key
        if resource.key not in self.by_key:
            insort(self.ids.setdefault((account_id, region), []), id)
        self.by_key[resource.key] = resource

    def remove(self, key: Key) -> None:
        if self.by_key.pop(key, None) is not None:
            ids = self.ids[key[:2]]
            del ids[bisect_left(ids, key[2])]


class Resources:
    """Every resource of the node. What it hands out are immutable snapshots.

    `code` tells which packages they refer to, `urls` finds function URLs by their ids.
    """

    def __init__(self, database: Database, known: Iterable[Resource] = ()) -> None:
        self._database = database
        self._shelves = {kind: _Shelf() for kind in KINDS}
        self.code = CodeTally()
        self.urls = UrlIndex()
        for resource in known:
            self._put(resource)

    @classmethod
    async def load(cls, database: Database) -> Self:
        """Read all resources."""
        rows = await database.read(_documents)
        return cls(database, (parse_resource(kind, document) for kind, document in rows))

    def find(self, kind: type[R], account_id: str, region: str, id: str) -> R | None:
        """The resource of this kind and key, if there is one."""
        return self._shelves[kind].by_key.get((account_id, region, id))  # type: ignore[return-value]

    def list(
        self, kind: type[R], account_id: str, region: str, *, after: str = "", prefix: str = ""
    ) -> Iterator[R]:
        """Those of one account and region by id: what follows `after` and begins with `prefix`.

        Take what you need before anything is saved.
        """
        shelf = self._shelves[kind]
        ids = shelf.ids.get((account_id, region), [])
        start = max(bisect_right(ids, after) if after else 0, bisect_left(ids, prefix))
        for index in range(start, len(ids)):
            if not ids[index].startswith(prefix):
                return
            yield shelf.by_key[account_id, region, ids[index]]  # type: ignore[misc]

    def beneath(self, kind: type[R], key: Key) -> Iterator[R]:
        """Those that belong to the resource with this key: its id, alone or before a colon."""
        account_id, region, id = key
        own = self.find(kind, *key)
        if own is not None:
            yield own
        yield from self.list(kind, account_id, region, prefix=f"{id}:")

    def all(self, kind: type[R]) -> tuple[R, ...]:
        """Those of every account and region."""
        return tuple(self._shelves[kind].by_key.values())  # type: ignore[arg-type]

    async def save(self, *saved: Resource, deleted: Iterable[Resource] = ()) -> None:
        """Create or replace `saved` and forget `deleted`, all or nothing; returns when it is on
        disk."""
        # Shielded, so that memory learns what the disk knows even if the caller is cancelled.
        await asyncio.shield(asyncio.ensure_future(self._save(saved, tuple(deleted))))

    async def delete(self, *deleted: Resource) -> None:
        """Forget these resources, all or nothing; returns when it is on disk."""
        await self.save(deleted=deleted)

    async def _save(self, saved: tuple[Resource, ...], deleted: tuple[Resource, ...]) -> None:
        rows = [(each.kind, each.key, serialize_resource(each)) for each in saved]
        gone = [(each.kind, each.key) for each in deleted]
        await self._database.write(lambda connection: _write(connection, rows, gone))
        for each in deleted:
            self._remove(type(each), each.key)
        for each in saved:
            self._put(each)

    def _put(self, resource: Resource) -> None:
        shelf = self._shelves[type(resource)]
        replaced = shelf.by_key.get(resource.key)
        if replaced is not None:
            self.code.remove(replaced)
            self.urls.remove(replaced)
        self.code.add(resource)
        self.urls.add(resource)
        shelf.put(resource)

    def _remove(self, kind: type[Resource], key: Key) -> None:
        removed = self._shelves[kind].by_key.get(key)
        if removed is not None:
            self.code.remove(removed)
            self.urls.remove(removed)
            self._shelves[kind].remove(key)


def _documents(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute(select(resources.c.kind, resources.c.document))
    return [(kind, document) for kind, document in rows]


def _write(
    connection: Connection, saved: list[tuple[str, Key, str]], deleted: list[tuple[str, Key]]
) -> None:
    for kind, key in deleted:
        _delete(connection, kind, key)
    for kind, key, document in saved:
        _delete(connection, kind, key)
        account_id, region, id = key
        connection.execute(
            insert(resources).values(
                kind=kind, account_id=account_id, region=region, id=id, document=document
            )
        )


def _delete(connection: Connection, kind: str, key: Key) -> None:
    account_id, region, id = key
    connection.execute(
        delete(resources).where(
            resources.c.kind == kind,
            resources.c.account_id == account_id,
            resources.c.region == region,
            resources.c.id == id,
        )
    )
