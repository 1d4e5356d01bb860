"""The dispatcher goes on when the disk refuses, and knows which claim of an event is its newest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lambdad.clock import SteadyClock
from lambdad.invocation import dispatcher as dispatching
from lambdad.invocation.dispatcher import Dispatcher
from lambdad.invocation.processors import Processors
from lambdad.invocation.try_event import Tried
from lambdad.model.event import Claim
from lambdad.model.fate import Completed
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue, Settlement

FUNCTION = ("000000000000", "us-east-1", "f")
LEASE = 0.1
COMPLETED = Tried(Completed(), has_run=True)


class Troubled:
    """A queue of which some operations are others than they should be."""

    def __init__(self, queue: EventQueue, **operations: Any) -> None:
        self._queue = queue
        self.__dict__.update(operations)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


@asynccontextmanager
async def running(
    path: Path, trouble: Callable[[EventQueue], dict[str, Any]], try_event: Any
) -> AsyncIterator[Dispatcher]:
    """A dispatcher that works on a queue that is troubled."""
    database, clock = Database.open(path / "state.db"), SteadyClock()
    queue = await EventQueue.open(database, clock, lease=LEASE)
    dispatcher = Dispatcher(
        Troubled(queue, **trouble(queue)),  # type: ignore[arg-type]
        try_event=try_event,
        free=lambda function: 10,
        clock=clock,
        processors=Processors(),
        lease=LEASE,
    )
    task = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        task.cancel()
        await dispatcher.drain(1)
        database.close()


async def test_events_are_dispatched_though_the_first_look_at_them_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "DISK_RETRY_SECONDS", 0.0)
    has_run, failures = asyncio.Event(), iter([OSError("no")])

    def refusing(queue: EventQueue) -> dict[str, Any]:
        async def due_functions() -> Any:
            for failure in failures:
                raise failure
            return await queue.due_functions()

        return {"due_functions": due_functions}

    async def try_event(claim: Claim) -> Tried:
        has_run.set()
        return COMPLETED

    async with running(tmp_path, refusing, try_event) as dispatcher:
        dispatcher.pause()  # so that it is queued, and not claimed with its acceptance
        await dispatcher.accept(FUNCTION, None, b"{}", request_id="r1")
        dispatcher.resume()
        await asyncio.wait_for(has_run.wait(), 5)


@pytest.mark.slow
async def test_the_end_of_a_lost_claim_does_not_end_the_newer_one(tmp_path: Path) -> None:
    # Given a node that cannot extend its claim, loses it, and claims the event again
    begun, gates = [asyncio.Event(), asyncio.Event()], [asyncio.Event(), asyncio.Event()]
    is_refused, is_extended = asyncio.Event(), asyncio.Event()
    tries = iter(range(10))

    def losing(queue: EventQueue) -> dict[str, Any]:
        async def extend(claims: Collection[Claim]) -> dict[int, float]:
            newer = [claim for claim in claims if claim.fence > 1]
            if newer:
                is_extended.set()
            return await queue.extend(newer)

        async def settle(settlement: Settlement) -> bool:
            is_accepted = await queue.settle(settlement)
            if not is_accepted:
                is_refused.set()
            return is_accepted

        return {"extend": extend, "settle": settle}

    async def try_event(claim: Claim) -> Tried:
        number = next(tries)
        begun[number].set()
        await gates[number].wait()
        return COMPLETED

    async with running(tmp_path, losing, try_event) as dispatcher, asyncio.timeout(5):
        await dispatcher.accept(FUNCTION, None, b"{}", request_id="r1")
        await begun[0].wait()
        dispatcher.due(FUNCTION, SteadyClock().now() + 2 * LEASE)
        await begun[1].wait()
        # When the first comes to its end
        gates[0].set()
        await is_refused.wait()
        await asyncio.sleep(0)
        # Then the second is still held on to
        is_extended.clear()
        await is_extended.wait()
        gates[1].set()
    assert next(tries) == 2
