"""Runs the queued events: claims what is due, hands it to the functions, settles what became of it.

    accept ──▶ durable ──▶ claimed? ──▶ waiting ──▶ a worker of the function tries it ──▶ settled
                             │ no          ▲
                             ▼             │ as there is room, function by function
                           queued ─────────┘

An event that can run at once is accepted with its claim: it is written once before it runs, and
once after. Everything else stays in the queue, of which a function has no more in memory than it
runs in a moment: the backlog of one is no concern of the others.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any

from lambdad.clock import Clock
from lambdad.invocation.choose_workers import choose_workers, grow_workers
from lambdad.invocation.event_backlog import NEVER, EventBacklog
from lambdad.invocation.processors import Processors
from lambdad.invocation.try_event import Tried
from lambdad.model.event import Claim, Delivery, Event
from lambdad.model.fate import Requeued
from lambdad.model.resource import Key
from lambdad.store.event_queue import LEASE_SECONDS, EventQueue, Settlement

TICK_SECONDS = 0.1  # in which functions with a backlog get more workers
HELD_SECONDS = 1.0  # that a function waits which has no concurrency left
DISK_RETRY_SECONDS = 1.0
MOST_HELD_BYTES = 128 << 20
MOST_SETTLING = 2048
MOST_FUNCTIONS_PER_CLAIM = 64
_log = logging.getLogger(__name__)

TryEvent = Callable[[Claim], Awaitable[Tried]]


class Dispatcher:
    """`try_event` runs one event. `free` tells how many more events a function may run now, by its
    concurrency and that of its account. `on_deliveries` is called when the outbox has some."""

    def __init__(
        self,
        queue: EventQueue,
        *,
        try_event: TryEvent,
        free: Callable[[Key], int],
        clock: Clock,
        processors: Processors,
        on_deliveries: Callable[[], None] = lambda: None,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self._queue = queue
        self._try_event = try_event
        self._free = free
        self._clock = clock
        self._processors = processors
        self._on_deliveries = on_deliveries
        self._extend_every = lease / 3
        self._backlogs: dict[Key, EventBacklog] = {}
        self._due: dict[Key, EventBacklog] = {}  # those of which the queue has some to claim now
        self._later: list[tuple[float, Key]] = []  # a heap: when the queue has some to claim
        self._held: dict[int, Claim] = {}  # by event id
        self._held_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling = 0
        self._wake = asyncio.Event()
        self._is_paused = False
        self._next_extension = clock.monotonic() + self._extend_every
        self._next_tick = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether events are accepted and not run."""
        return self._is_paused

    def pause(self) -> None:
        """Run no more events until `resume`; those that run go on."""
        self._is_paused = True

    def resume(self) -> None:
        """Run events again."""
        self._is_paused = False
        for backlog in self._backlogs.values():
            self._start_workers(backlog)
        self._wake.set()

    async def accept(
        self,
        function: Key,
        qualifier: str | None,
        payload: bytes,
        *,
        request_id: str,
        trace_header: str = "",
        tenant_id: str | None = None,
    ) -> None:
        """Keep an event until it has an outcome; returns when it is on disk."""
        event = Event(
            self._queue.make_id(),
            request_id,
            *function,
            qualifier,
            payload,
            self._clock.now(),
            trace_header,
            tenant_id,
        )
        # Shielded, so that an event is run at once even if the one who sent it has hung up.
        await asyncio.shield(asyncio.ensure_future(self._accept(event)))

    def due(self, function: Key, at: float) -> None:
        """The queue has an event of this function that is due then (seconds since the epoch)."""
        backlog = self._backlogs.get(function)
        if backlog is None:
            backlog = self._backlogs[function] = EventBacklog(function)
        if at < backlog.next_due:
            backlog.next_due = at
            heapq.heappush(self._later, (at, function))
            self._wake.set()

    async def run(self) -> None:
        """Dispatch until cancelled."""
        await self._persist(self._find_all)
        while True:
            await self._persist(self._turn)
            await self._sleep()

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, give back what has not begun, and wait for what runs."""
        self.pause()
        waiting = [claim for backlog in self._backlogs.values() for claim in backlog.waiting]
        for backlog in self._backlogs.values():
            backlog.waiting.clear()
        try:
            await self._queue.release(waiting)
        except Exception:
            _log.warning("Claims of events could not be given back; the next start voids them.")
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=seconds)

    async def _accept(self, event: Event) -> None:
        backlog = self._backlogs.get(event.function_key)
        if backlog is None:
            backlog = self._backlogs[event.function_key] = EventBacklog(event.function_key)
        is_claimed = self._can_be_claimed(backlog)
        backlog.accepting += is_claimed
        try:
            claim = await self._queue.accept(event, is_claimed=is_claimed)
        finally:
            backlog.accepting -= is_claimed
        if is_claimed:
            self._hold(backlog, claim)
            self._start_workers(backlog)
        else:
            self.due(event.function_key, event.accepted_at)

    def _can_be_claimed(self, backlog: EventBacklog) -> bool:
        """Whether an event can run as soon as it is on disk: no other waits longer, and there is
        room for it."""
        if self._is_paused or backlog.next_due <= self._clock.now():
            return False
        return backlog.room > 0 and self._held_bytes < MOST_HELD_BYTES

    def _hold(self, backlog: EventBacklog, claim: Claim) -> None:
        if claim.event.id not in self._held:
            self._held_bytes += len(claim.event.payload)
        self._held[claim.event.id] = claim
        backlog.waiting.append(claim)

    def _let_go(self, claim: Claim) -> None:
        held = self._held.get(claim.event.id)
        if held is None or held.fence != claim.fence:
            return  # it was lost, and this node may have claimed it again since
        del self._held[claim.event.id]
        self._held_bytes -= len(claim.event.payload)

    async def _persist(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step until it succeeds."""
        while True:
            try:
                return await step()
            except Exception:  # a disk that refuses; whatever it is, no event may be forgotten
                _log.exception("Events cannot be claimed; trying again.")
            await asyncio.sleep(DISK_RETRY_SECONDS)

    async def _find_all(self) -> None:
        for function, at in (await self._queue.due_functions()).items():
            self.due(function, at)

    async def _turn(self) -> None:
        """Keep what is held, give more workers to those who need them, claim what there is."""
        moment = self._clock.monotonic()
        if moment >= self._next_extension:
            await self._extend()
        if moment >= self._next_tick:
            self._next_tick = moment + TICK_SECONDS
            self._tick()
        self._find_due()
        while wanted := self._choose_claims():
            await self._claim(wanted)

    async def _sleep(self) -> None:
        """Until something has happened, or is due."""
        seconds = max(0.0, self._next_extension - self._clock.monotonic())
        if self._later:
            seconds = min(seconds, max(0.0, self._later[0][0] - self._clock.now()))
        if any(backlog.waiting for backlog in self._backlogs.values()):
            seconds = min(seconds, TICK_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _extend(self) -> None:
        """Hold on to the claims; a node that slept for longer than its leases begins with this."""
        if self._held:
            extended = await self._queue.extend(list(self._held.values()))
            for id, claim in list(self._held.items()):
                if id in extended:
                    self._held[id] = replace(claim, until=extended[id])
        self._next_extension = self._clock.monotonic() + self._extend_every

    def _tick(self) -> None:
        """More workers for those with a backlog; and another try for those without concurrency."""
        idle_share = self._processors.idle_share()
        for backlog in list(self._backlogs.values()):
            if backlog.is_over:
                del self._backlogs[backlog.key]
            elif backlog.waiting and not self._is_paused:
                load = backlog.load(self._free(backlog.key))
                self._set_workers(backlog, grow_workers(load, idle_share))
                self._start_workers(backlog)

    def _find_due(self) -> None:
        now = self._clock.now()
        while self._later and self._later[0][0] <= now:
            at, function = heapq.heappop(self._later)
            backlog = self._backlogs.get(function)
            if backlog is not None and backlog.next_due == at:
                self._due[function] = backlog

    def _choose_claims(self) -> dict[Key, int]:
        """How many events to claim of which functions; those who have waited longest come first."""
        if self._is_paused:
            return {}
        wanted: dict[Key, int] = {}
        for key, backlog in self._due.items():
            room = backlog.room
            if self._held_bytes >= MOST_HELD_BYTES:
                room = min(room, int(not backlog.waiting and not backlog.workers))
            if room > 0:
                wanted[key] = room
            if len(wanted) == MOST_FUNCTIONS_PER_CLAIM:
                break
        for key in wanted:
            self._due[key] = self._due.pop(key)
        return wanted

    async def _claim(self, wanted: dict[Key, int]) -> None:
        for key, claimed in (await self._queue.claim(wanted)).items():
            backlog = self._due.pop(key)
            backlog.next_due = NEVER
            if claimed.next_due is not None:
                self.due(key, claimed.next_due)
                self._find_due()
            for claim in claimed.claims:
                self._hold(backlog, claim)
            self._start_workers(backlog)

    def _start_workers(self, backlog: EventBacklog) -> None:
        if not backlog.waiting or self._is_paused:
            return
        if backlog.held_until > self._clock.monotonic():
            return
        load = backlog.load(self._free(backlog.key))
        self._set_workers(backlog, choose_workers(load, 2 * self._processors.count))

    def _set_workers(self, backlog: EventBacklog, workers: int) -> None:
        while backlog.workers < workers:
            backlog.workers += 1
            self._spawn(self._work(backlog))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, backlog: EventBacklog) -> None:
        """Try one event after another, until none waits or there is no concurrency for it."""
        try:
            while backlog.waiting and not self._is_paused:
                claim = backlog.waiting.popleft()
                if backlog.key in self._due and backlog.room:
                    self._wake.set()
                if not await self._try(backlog, claim):
                    return
        finally:
            backlog.workers -= 1

    async def _try(self, backlog: EventBacklog, claim: Claim) -> bool:
        """Whether the worker may go on."""
        held = self._held.get(claim.event.id)
        if held is None or held.fence != claim.fence or held.until <= self._clock.now():
            self._let_go(claim)  # the lease is over: somebody else may run it, or this node again
            self.due(backlog.key, self._clock.now())
            return True
        began = self._clock.monotonic()
        tried = await self._try_event(claim)
        if tried.is_throttled:
            backlog.held_until = self._clock.monotonic() + HELD_SECONDS
        elif tried.has_run:
            backlog.took(self._clock.monotonic() - began)
        settling = self._settle(claim, tried)
        if self._settling < MOST_SETTLING:
            self._spawn(settling)
        else:
            await settling
        return not tried.is_throttled

    async def _settle(self, claim: Claim, tried: Tried) -> None:
        """Write down what became of an event, however long the disk refuses it."""
        self._settling += 1
        deliveries = [self._numbered(each, claim.event) for each in tried.deliveries]
        settlement = Settlement(claim, tried.fate, self._clock.now(), deliveries)
        try:
            while True:
                if await self._settled(settlement):
                    break
                await asyncio.sleep(DISK_RETRY_SECONDS)
        finally:
            self._settling -= 1
            self._let_go(claim)
        if isinstance(tried.fate, Requeued):
            self.due(claim.event.function_key, tried.fate.due_at)
        if deliveries:
            self._on_deliveries()

    async def _settled(self, settlement: Settlement) -> bool:
        event = settlement.claim.event
        try:
            if not await self._queue.settle(settlement):
                _log.warning("Event %s was taken over; its outcome here is void.", event.request_id)
        except Exception as error:
            _log.error("The outcome of event %s cannot be kept yet: %s", event.request_id, error)
            return False
        return True

    def _numbered(self, delivery: Delivery, event: Event) -> Delivery:
        return replace(delivery, id=self._queue.make_id(), event_id=event.id)
