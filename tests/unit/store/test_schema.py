"""The schema: what the migrations make is what the tables say."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from sqlalchemy import Engine, MetaData, create_engine, inspect

from lambdad.model.function import Function
from lambdad.store.database import Database
from lambdad.store.resources import Resources
from lambdad.store.schema import MIGRATIONS, metadata


def columns(engine: Engine) -> dict[str, set[tuple[str, str, bool, bool]]]:
    inspector = inspect(engine)
    return {
        table: {
            (
                column["name"],
                str(column["type"]),
                bool(column["nullable"]),
                column["name"] in inspector.get_pk_constraint(table)["constrained_columns"],
            )
            for column in inspector.get_columns(table)
        }
        for table in inspector.get_table_names()
    }


def test_migrated_file_has_exactly_the_declared_tables(tmp_path: Path) -> None:
    Database.open(tmp_path / "migrated.db").close()
    migrated = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    declared = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    metadata.create_all(declared)

    assert columns(migrated) == columns(declared)
    migrated.dispose()
    declared.dispose()


def test_opening_again_takes_no_step_twice(tmp_path: Path) -> None:
    for _ in range(2):
        Database.open(tmp_path / "state.db").close()

    engine = create_engine(f"sqlite:///{tmp_path / 'state.db'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar() == len(MIGRATIONS)
    reflected = MetaData()
    reflected.reflect(engine)
    assert set(reflected.tables) == set(metadata.tables)
    engine.dispose()


async def test_functions_of_the_first_release_are_resources_after_the_upgrade(
    tmp_path: Path, make_function: Callable[..., Function]
) -> None:
    # Given a file as the first release left it
    path = tmp_path / "state.db"
    engine = create_engine(f"sqlite:///{path}")
    document = {"format": 1, "function": asdict(make_function("thumbnail"))}
    for newer in ("last_version", "published_content", "reserved_concurrency"):
        del document["function"][newer]
    with engine.begin() as connection:
        for statement in MIGRATIONS[0]:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("PRAGMA user_version = 1")
        connection.exec_driver_sql(
            "INSERT INTO functions VALUES (?, ?, ?, ?)",
            ("000000000000", "us-east-1", "thumbnail", json.dumps(document)),
        )
    engine.dispose()
    # When
    database = Database.open(path)
    resources = await Resources.load(database)
    database.close()
    # Then
    found = resources.find(Function, "000000000000", "us-east-1", "thumbnail")
    assert found == make_function("thumbnail")


def test_a_new_file_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as crowd:
        opened = list(crowd.map(lambda _: Database.open(tmp_path / "state.db"), range(6)))
    for database in opened:
        database.close()
