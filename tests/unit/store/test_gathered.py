"""Small changes that are made together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from lambdad.store import gathered
from lambdad.store.database import Database
from lambdad.store.gathered import Gathered


class Bench:
    """Gathers numbers: 0 is refused, `is_refusing` refuses all. `gate` holds `before` back."""

    def __init__(self, database: Database) -> None:
        self.batches: list[list[int]] = []
        self.is_refusing = False
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_before = asyncio.Event()
        self.gathered = Gathered(database, self.change, self.before)

    async def before(self) -> None:
        self.is_before.set()
        await self.gate.wait()
        if self.failure:
            raise self.failure

    def change(self, connection: Connection, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        if self.is_refusing or 0 in items:
            raise ValueError("refused")
        return [item * 10 for item in items]

    def start(self, *items: int) -> list[asyncio.Task[int]]:
        return [asyncio.create_task(self.gathered.write(item)) for item in items]


@pytest.fixture
async def bench(database: Database) -> Bench:
    return Bench(database)


async def results(tasks: Sequence[asyncio.Task[int]]) -> list[int | BaseException]:
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_has_its_own_result(bench: Bench) -> None:
    assert await results(bench.start(3, 1, 2)) == [30, 10, 20]
    assert bench.batches == [[3, 1, 2]]


async def test_what_comes_while_one_change_is_on_its_way_is_the_next(bench: Bench) -> None:
    bench.gate.clear()
    first = bench.start(1, 2)
    await bench.is_before.wait()
    second = bench.start(3, 4)
    await asyncio.sleep(0)
    bench.gate.set()

    assert await results(first + second) == [10, 20, 30, 40]
    assert bench.batches == [[1, 2], [3, 4]]


async def test_where_nobody_is_in_a_hurry_what_comes_a_moment_later_is_the_same_change(
    bench: Bench, database: Database
) -> None:
    patient = Gathered(database, bench.change, gather_seconds=0.2)
    first = patient.begin(1)
    await asyncio.sleep(0)
    second = patient.begin(2)

    assert [await first, await second] == [10, 20]
    assert bench.batches == [[1, 2]]


async def test_who_goes_on_meanwhile_may_give_up_the_result(bench: Bench) -> None:
    bench.gathered.begin(1).cancel()
    assert await results(bench.start(2)) == [20]
    assert [item for batch in bench.batches for item in batch] == [1, 2]


async def test_before_is_awaited_between_the_cut_and_the_change(bench: Bench) -> None:
    bench.gate.clear()
    tasks = bench.start(1)
    await bench.is_before.wait()
    assert bench.batches == []
    bench.gate.set()
    await results(tasks)
    assert bench.batches == [[1]]


async def test_when_before_fails_nothing_is_changed_and_the_next_works(bench: Bench) -> None:
    bench.failure = OSError("full")
    failed = await results(bench.start(1, 2))
    assert [type(each) for each in failed] == [OSError, OSError]
    assert bench.batches == []

    bench.failure = None
    assert await results(bench.start(3)) == [30]


async def test_a_failing_change_fails_for_all_of_it_and_the_next_works(bench: Bench) -> None:
    bench.is_refusing = True
    failed = await results(bench.start(1, 2))
    assert [str(each) for each in failed] == ["refused", "refused"]

    bench.is_refusing = False
    assert await results(bench.start(3)) == [30]


async def test_an_item_that_is_refused_is_refused_alone(bench: Bench) -> None:
    outcomes = await results(bench.start(1, 0, 2))
    assert (outcomes[0], outcomes[2]) == (10, 20)
    assert str(outcomes[1]) == "refused"
    assert bench.batches == [[1, 0, 2], [1], [0], [2]]


async def test_a_single_item_is_tried_once(bench: Bench) -> None:
    await results(bench.start(0))
    assert bench.batches == [[0]]


async def test_who_is_cancelled_loses_only_the_answer(bench: Bench) -> None:
    bench.gate.clear()
    first, second, third = bench.start(1, 2, 3)
    await bench.is_before.wait()
    second.cancel()
    waiting, cancelled = bench.start(4, 5)
    await asyncio.sleep(0)
    cancelled.cancel()
    bench.gate.set()

    assert await results([first, third, waiting]) == [10, 30, 40]
    assert bench.batches == [[1, 2, 3], [4, 5]]


async def test_who_is_cancelled_hears_of_no_failure(bench: Bench) -> None:
    bench.gate.clear()
    first, second = bench.start(1, 2)
    await bench.is_before.wait()
    first.cancel()
    bench.failure = OSError("full")
    bench.gate.set()
    assert isinstance((await results([second]))[0], OSError)
    assert first.cancelled()


async def test_there_are_no_more_in_a_change_than_may_be(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathered, "MOST_AT_ONCE", 2)
    await results(bench.start(1, 2, 3, 4, 5))
    assert bench.batches == [[1, 2], [3, 4], [5]]


async def test_nothing_is_left_when_all_are_answered(bench: Bench) -> None:
    await results(bench.start(1, 0, 2))
    await asyncio.sleep(0)
    assert not bench.gathered._waiting
    assert bench.gathered._writing is None
