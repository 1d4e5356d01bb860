"""The pool and live code: who began with other code than there is now gets no event any more."""

from __future__ import annotations

import asyncio

import pytest
from played import Ward, make_version

from lambdad.environment.lifecycle import State
from lambdad.errors import PlatformError
from lambdad.model.function import Code

LIVE = make_version("live", code=Code("ab" * 32, 0, directory="/srv/code"))


@pytest.fixture
def ward(ward: Ward) -> Ward:
    ward.stamps["/srv/code"] = "one"
    return ward


async def test_an_environment_is_used_again_while_nothing_changes(ward: Ward) -> None:
    first = await ward.use(LIVE)
    assert await ward.use(LIVE) is first


async def test_after_a_change_the_next_event_begins_anew(ward: Ward) -> None:
    # Given
    first = await ward.use(LIVE)
    # When
    ward.stamps["/srv/code"] = "two"
    second = await ward.use(LIVE)
    # Then
    assert second is not first
    assert first.state is State.STOPPED
    assert await ward.use(LIVE) is second


async def test_one_that_runs_ends_after_its_event(ward: Ward) -> None:
    async with ward.pool.reserve(LIVE) as running:
        running.begin()  # type: ignore[attr-defined]
        ward.stamps["/srv/code"] = "two"
        await ward.use(LIVE)
        assert running.state is State.INVOKING
    assert running.state is State.STOPPED
    assert len(ward.pool) == 1


async def test_where_there_is_too_much_each_event_begins_anew(ward: Ward) -> None:
    ward.stamps["/srv/code"] = ""
    assert await ward.use(LIVE) is not await ward.use(LIVE)
    assert len(ward.pool) == 1


async def test_one_that_failed_is_not_started_again_with_other_code(ward: Ward) -> None:
    first = await ward.use(LIVE, fails=True)
    assert await ward.use(LIVE) is first
    await ward.use(LIVE, fails=True)
    ward.stamps["/srv/code"] = "two"
    assert await ward.use(LIVE) is not first


async def test_a_change_concerns_nobody_elses_environments(ward: Ward) -> None:
    # Given another directory, another function, and a package that the function had before
    ward.stamps["/srv/other"] = "one"
    others = [
        make_version("live", "2", code=Code("ab" * 32, 0, directory="/srv/other")),
        make_version("other", code=Code("ab" * 32, 0, directory="/srv/code")),
        make_version("live", "3"),
    ]
    idle = [await ward.use(other) for other in others]
    await ward.use(LIVE)
    # When
    ward.stamps["/srv/code"] = "two"
    await ward.use(LIVE)
    # Then
    assert [each.state for each in idle] == [State.READY] * 3


async def test_nobody_is_reserved_in_a_pool_that_closes_during_a_look(ward: Ward) -> None:
    reserving = asyncio.ensure_future(ward.use(LIVE))
    await asyncio.sleep(0)
    await ward.pool.close()
    with pytest.raises(PlatformError, match="stopping"):
        await reserving
    assert ward.made == []


async def test_of_what_is_gone_nothing_is_remembered(ward: Ward) -> None:
    (await ward.use(LIVE)).stop()
    assert len(ward.pool) == 0
    assert ward.pool._stamps == {}
