"""Resources: memory for reading, disk for keeping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lambdad.errors import PlatformError
from lambdad.model.function import Function
from lambdad.store.database import Database
from lambdad.store.resources import Resources

MakeFunction = Callable[..., Function]
HERE = ("000000000000", "us-east-1")


async def test_saved_function_is_found_and_survives_reopening(
    tmp_path: Path, make_function: MakeFunction
) -> None:
    function = make_function("thumbnail", variables={"A": "ü"}, settings={"Layers": ["x"]})
    database = Database.open(tmp_path / "state.db")
    catalog = await Resources.load(database)
    await catalog.save(function)
    assert catalog.find(Function, *HERE, "thumbnail") is function
    database.close()

    database = Database.open(tmp_path / "state.db")
    catalog = await Resources.load(database)
    assert catalog.find(Function, *HERE, "thumbnail") == function
    database.close()


async def test_saving_again_replaces(database: Database, make_function: MakeFunction) -> None:
    catalog = await Resources.load(database)
    function = make_function()
    await catalog.save(function)
    changed = replace(function, latest=replace(function.latest, timeout=60))
    await catalog.save(changed)

    assert list(catalog.all(Function)) == [changed]
    assert list((await Resources.load(database)).all(Function)) == [changed]


async def test_deleted_function_is_gone_from_memory_and_disk(
    database: Database, make_function: MakeFunction
) -> None:
    catalog = await Resources.load(database)
    await catalog.save(make_function("a"))
    await catalog.save(make_function("b"))
    await catalog.delete(make_function("a"))
    await catalog.delete(make_function("never-was"))

    assert catalog.find(Function, *HERE, "a") is None
    assert [f.name for f in (await Resources.load(database)).all(Function)] == ["b"]


async def test_list_is_of_one_account_and_region_and_sorted(
    database: Database, make_function: MakeFunction
) -> None:
    catalog = await Resources.load(database)
    for name in ("b", "a", "C"):
        await catalog.save(make_function(name))
    await catalog.save(make_function("other", account_id="111111111111"))
    await catalog.save(make_function("far", region="eu-west-1"))

    assert [function.name for function in catalog.list(Function, *HERE)] == ["C", "a", "b"]
    assert len(list(catalog.all(Function))) == 5


async def test_concurrent_saves_end_with_memory_and_disk_agreeing(
    database: Database, make_function: MakeFunction
) -> None:
    catalog = await Resources.load(database)
    await asyncio.gather(*(catalog.save(make_function(timeout=n + 1)) for n in range(50)))

    assert list(catalog.all(Function)) == list((await Resources.load(database)).all(Function))


async def test_cancelled_save_leaves_memory_and_disk_agreeing(
    database: Database, make_function: MakeFunction
) -> None:
    catalog = await Resources.load(database)
    save = asyncio.create_task(catalog.save(make_function()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    save.cancel()
    await asyncio.gather(save, return_exceptions=True)
    await catalog.save(make_function("next"))

    assert {f.key for f in catalog.all(Function)} == {
        f.key for f in (await Resources.load(database)).all(Function)
    }


async def test_failed_save_changes_nothing(database: Database, make_function: MakeFunction) -> None:
    catalog = await Resources.load(database)
    await database.write(lambda connection: connection.exec_driver_sql("DROP TABLE resources"))

    with pytest.raises(Exception, match="no such table"):
        await catalog.save(make_function())
    assert catalog.find(Function, *HERE, "f") is None


async def test_document_of_a_newer_lambdad_is_refused_rather_than_read_in_part(
    database: Database, make_function: MakeFunction
) -> None:
    catalog = await Resources.load(database)
    await catalog.save(make_function())
    await database.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE resources SET document = replace(document, '\"handler\"', '\"teleport\"')"
        )
    )

    with pytest.raises(PlatformError, match="teleport"):
        await Resources.load(database)


async def test_document_of_another_format_is_refused(
    database: Database, make_function: MakeFunction
) -> None:
    catalog = await Resources.load(database)
    await catalog.save(make_function())
    await database.write(
        lambda connection: connection.exec_driver_sql(
            "UPDATE resources SET document = replace(document, '\"format\":1', '\"format\":2')"
        )
    )

    with pytest.raises(PlatformError, match="format 2"):
        await Resources.load(database)
