"""A dispatcher on a real queue, with a clock that stands still and functions that are played."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from lambdad.clock import FakeClock
from lambdad.invocation.dispatcher import Dispatcher
from lambdad.invocation.try_event import Tried
from lambdad.model.event import Claim, Event
from lambdad.model.fate import Completed, Requeued
from lambdad.model.resource import Key
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue, Settlement
from support.events import ACCOUNT, KEY, REGION, counts

COMPLETED = Tried(Completed(), has_run=True)
PATIENCE = 10.0


class WatchedQueue(EventQueue):
    """Counts what it is asked, and refuses it with what `refusals` has for it, one after another;
    with `gates` it answers when they are open."""

    calls: Counter[str]
    refusals: dict[str, list[Exception]]
    gates: dict[str, asyncio.Event]
    settled: list[tuple[Settlement, bool]]

    def begin_accept(self, event: Event, **options: Any) -> Any:
        if self.refusals.get("accept"):
            refused = asyncio.get_running_loop().create_future()
            refused.set_exception(self.refusals["accept"].pop(0))
            return Claim(event, 0, 0.0), refused
        self.calls["accept"] += 1
        claim, written = super().begin_accept(event, **options)
        if "accept" in self.gates:
            written = asyncio.ensure_future(self._behind(self.gates["accept"], written))
        return claim, written

    async def _behind(self, gate: asyncio.Event, written: asyncio.Future[None]) -> None:
        await written
        await gate.wait()

    async def due_functions(self) -> Any:
        return await self._watch("due_functions", super().due_functions)

    async def claim(self, wanted: Mapping[Key, int]) -> Any:
        return await self._watch("claim", super().claim, wanted)

    async def extend(self, claims: Any) -> Any:
        return await self._watch("extend", super().extend, claims)

    async def release(self, claims: Any) -> Any:
        return await self._watch("release", super().release, claims)

    async def settle(self, settlement: Settlement) -> Any:
        result = await self._watch("settle", super().settle, settlement)
        self.settled.append((settlement, result))
        return result

    async def _watch(self, name: str, ask: Callable[..., Any], *args: Any, **options: Any) -> Any:
        self.calls[name] += 1
        if self.refusals.get(name):
            raise self.refusals[name].pop(0)
        result = await ask(*args, **options)
        if name in self.gates:
            await self.gates[name].wait()
        return result


class PlayedProcessors:
    def __init__(self, count: int = 2, idle: float = 1.0) -> None:
        self.count, self.idle = count, idle

    def idle_share(self) -> float:
        return self.idle


class DispatchBench:
    """`play` says what comes of a try, by default success; `gate` holds the functions back."""

    def __init__(self, database: Database, clock: FakeClock, queue: WatchedQueue) -> None:
        self.database, self.clock, self.queue = database, clock, queue
        self.processors = PlayedProcessors()
        self.concurrency = 1_000
        self.gate = asyncio.Event()
        self.gate.set()
        self.play: Callable[[Claim], Tried] = lambda claim: COMPLETED
        self.tried: list[str] = []  # functions, in the order in which their events were begun
        self.ran: Counter[str] = Counter()  # request ids
        self.running = 0
        self.told = 0  # of deliveries
        played: Any = self.processors
        self.dispatcher = Dispatcher(
            queue,
            try_event=self._try,
            admit=lambda key: None,
            emit=lambda name, key, value: None,
            free=lambda key: self.concurrency - self.running,
            clock=clock,
            processors=played,
            on_deliveries=self._tell,
        )
        self._run: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, database: Database, clock: FakeClock) -> DispatchBench:
        queue = await WatchedQueue.open(database, clock)
        queue.calls, queue.refusals, queue.gates, queue.settled = Counter(), {}, {}, []
        return cls(database, clock, queue)

    def start(self) -> None:
        self._run = asyncio.create_task(self.dispatcher.run())

    async def stop(self) -> None:
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)
        for task in list(self.dispatcher._tasks):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _tell(self) -> None:
        self.told += 1

    async def _try(self, claim: Claim) -> Tried:
        self.tried.append(claim.event.function_name)
        self.ran[claim.event.request_id] += 1
        self.running += 1
        await asyncio.sleep(0)
        await self.gate.wait()
        self.running -= 1
        return self.play(claim)

    async def send(self, count: int = 1, name: str = "f") -> None:
        """Accept so many events at once."""
        key = (ACCOUNT, REGION, name)
        first = self.queue.calls["accept"]
        await asyncio.gather(
            *(
                self.dispatcher.accept(key, None, b"{}", request_id=f"{name}-{first + n}")
                for n in range(count)
            )
        )

    async def store(self, count: int = 1, name: str = "f") -> None:
        """Have so many events in the queue that nobody has claimed."""
        was_paused = self.dispatcher.is_paused
        self.dispatcher.pause()
        await self.send(count, name)
        if not was_paused:
            self.dispatcher.resume()

    def advance(self, seconds: float) -> None:
        """Let time pass, and let the dispatcher see that it has."""
        self.clock.advance(seconds)
        self.dispatcher._wake.set()

    async def until(self, condition: Callable[[], Any], what: str = "") -> None:
        """Wait until it is true."""
        async with asyncio.timeout(PATIENCE):
            for _ in iter(lambda: bool(condition()), True):
                await asyncio.sleep(0.001)

    async def settle_down(self) -> None:
        """Wait until the dispatcher has done all that it does at this moment."""
        quiet, before = 0, None
        async with asyncio.timeout(PATIENCE):
            while quiet < 20:
                now = (self.queue.calls.total(), len(self.tried), len(self.queue.settled))
                quiet = quiet + 1 if now == before else 0
                before = now
                await self.database.read(lambda connection: None)
                await asyncio.sleep(0.001)

    async def ended(self, count: int) -> None:
        """Wait until so many settlements are made."""
        await self.until(lambda: len(self.queue.settled) >= count)

    async def counts(self) -> dict[str, int]:
        return await counts(self.database)


def again(clock: FakeClock, seconds: float) -> Tried:
    return Tried(Requeued(clock.now() + seconds, 1, 0), has_run=True)


__all__ = ["COMPLETED", "KEY", "DispatchBench", "WatchedQueue", "again"]
