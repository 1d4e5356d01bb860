"""The database: group commit, isolation of changes, opening and closing."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from lambdad.errors import PlatformError, SettingsError
from lambdad.store.database import Database


def create_table(connection: Connection) -> None:
    connection.exec_driver_sql("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")


def insert(connection: Connection, number: int) -> None:
    connection.exec_driver_sql("INSERT INTO numbers VALUES (?)", (number,))


def numbers(connection: Connection) -> list[int]:
    return list(connection.exec_driver_sql("SELECT n FROM numbers ORDER BY n").scalars())


async def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database.open(path)
    await database.write(create_table)
    await database.write(lambda connection: insert(connection, 7))
    database.close()

    database = Database.open(path)

    assert await database.read(numbers) == [7]
    database.close()


@asynccontextmanager
async def held_writer(database: Database) -> AsyncIterator[None]:
    """While this lasts, changes wait; they are then all taken together."""
    loop = asyncio.get_running_loop()
    started, gate = asyncio.Event(), asyncio.Event()

    def hold(connection: Connection) -> None:
        loop.call_soon_threadsafe(started.set)
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    held = asyncio.create_task(database.write(hold))
    await started.wait()
    yield
    await asyncio.sleep(0)  # the tasks that were made in the meantime hand in their changes
    gate.set()
    await held


async def test_two_hundred_concurrent_writers_share_one_commit(database: Database) -> None:
    await database.write(create_table)
    commits: list[Connection] = []
    async with held_writer(database):
        writers = [
            asyncio.create_task(database.write(partial(insert, number=number)))
            for number in range(200)
        ]
        event.listen(database._write_engine, "commit", commits.append)
    await asyncio.gather(*writers)

    assert len(commits) == 2  # that of the change that held the writer, and one for all others
    assert await database.read(numbers) == list(range(200))


async def test_exception_undoes_only_its_own_change(database: Database) -> None:
    await database.write(create_table)

    def fail_half_way(connection: Connection) -> None:
        insert(connection, 100)
        raise KeyError("half way")

    results = await asyncio.gather(
        database.write(lambda connection: insert(connection, 1)),
        database.write(fail_half_way),
        database.write(lambda connection: insert(connection, 1)),
        database.write(lambda connection: insert(connection, 2)),
        return_exceptions=True,
    )

    assert [type(result).__name__ for result in results] == [
        "NoneType",
        "KeyError",
        "IntegrityError",
        "NoneType",
    ]
    assert await database.read(numbers) == [1, 2]


async def test_change_that_rolls_back_the_transaction_itself_fails_the_whole_commit(
    database: Database,
) -> None:
    """As SQLite does on a full disk: nothing may be acknowledged that is not there."""
    await database.write(create_table)

    def lose_the_transaction(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute("ROLLBACK")

    changes = (partial(insert, number=1), lose_the_transaction, partial(insert, number=2))
    async with held_writer(database):
        writes = [asyncio.create_task(database.write(change)) for change in changes]
    results = await asyncio.gather(*writes, return_exceptions=True)

    assert all(isinstance(result, Exception) for result in results)
    assert await database.read(numbers) == []
    await database.write(lambda connection: insert(connection, 3))
    assert await database.read(numbers) == [3]


async def test_write_returns_what_the_change_returns(database: Database) -> None:
    assert await database.write(lambda connection: "answer") == "answer"


async def test_read_sees_no_uncommitted_change_and_does_not_wait_for_it(
    database: Database,
) -> None:
    await database.write(create_table)
    loop = asyncio.get_running_loop()
    inserted, gate = asyncio.Event(), asyncio.Event()

    def insert_and_hold(connection: Connection) -> None:
        insert(connection, 1)
        loop.call_soon_threadsafe(inserted.set)
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    write = asyncio.create_task(database.write(insert_and_hold))
    await inserted.wait()
    assert await database.read(numbers) == []
    gate.set()
    await write
    assert await database.read(numbers) == [1]


async def test_read_cannot_change_anything(database: Database) -> None:
    with pytest.raises(Exception, match="readonly"):
        await database.read(create_table)


async def test_change_is_made_even_if_its_caller_is_cancelled(database: Database) -> None:
    await database.write(create_table)
    write = asyncio.create_task(database.write(lambda connection: insert(connection, 1)))
    await asyncio.sleep(0)
    write.cancel()
    await database.write(lambda connection: insert(connection, 2))

    assert write.cancelled()
    assert await database.read(numbers) == [1, 2]


async def test_closed_database_refuses_with_a_sentence(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    database.close()
    database.close()

    with pytest.raises(PlatformError, match="closed"):
        await database.write(create_table)
    with pytest.raises(PlatformError, match="closed"):
        await database.read(numbers)


async def test_close_commits_what_was_handed_in(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    writes = [
        asyncio.create_task(database.write(create_table)),
        asyncio.create_task(database.write(lambda connection: insert(connection, 1))),
    ]
    await asyncio.sleep(0)
    database.close()
    await asyncio.gather(*writes)

    database = Database.open(tmp_path / "state.db")
    assert await database.read(numbers) == [1]
    database.close()


def test_file_is_in_wal_mode_and_every_commit_is_synchronous(database: Database) -> None:
    def pragma(name: str) -> object:
        return database._connection.exec_driver_sql(f"PRAGMA {name}").scalar()

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL


def test_schema_of_a_newer_lambdad_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    Database.open(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()

    with pytest.raises(SettingsError, match="newer lambdad"):
        Database.open(path)


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"these are not the tables you are looking for" * 100)

    with pytest.raises(SettingsError, match="not a database"):
        Database.open(path)


def test_directory_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be opened"):
        Database.open(tmp_path / "missing" / "state.db")
