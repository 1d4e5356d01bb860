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
from functools import partial
from typing import Any

from lambdad.clock import Clock
from lambdad.invocation.choose_workers import choose_workers, grow_workers
from lambdad.invocation.event_backlog import NEVER, EventBacklog
from lambdad.invocation.processors import Processors
from lambdad.invocation.try_event import Tried
from lambdad.model.emit import Emit
from lambdad.model.event import Claim, Delivery, Event
from lambdad.model.fate import Requeued
from lambdad.model.resource import Key
from lambdad.store.database import Connection
from lambdad.store.event_queue import LEASE_SECONDS, Claimed, EventQueue, Settlement

TICK_SECONDS = 0.1  # in which functions with a backlog get more workers
HELD_SECONDS = 1.0  # that a function waits which has no concurrency left
DISK_RETRY_SECONDS = 1.0
MOST_HELD_BYTES = 128 << 20
MOST_WHEN_SHORT = 4 << 20  # that one function may hold although others hold all of that
_HELD_BESIDE_PAYLOAD = 1024  # bytes that an event takes in memory, about
MOST_SETTLING = 2048
MOST_FUNCTIONS_PER_CLAIM = 32
_log = logging.getLogger(__name__)

TryEvent = Callable[[Claim], Awaitable[Tried]]


class Dispatcher:
    """`try_event` runs one event. `admit` counts an event in its account's rate, or refuses it.
    `free` tells how many more events a function may run now, by its concurrency and that of its
    account. `on_deliveries` is called when the outbox has some."""

    def __init__(
        self,
        queue: EventQueue,
        *,
        try_event: TryEvent,
        admit: Callable[[Key], None],
        free: Callable[[Key], int],
        clock: Clock,
        processors: Processors,
        emit: Emit,
        on_deliveries: Callable[[], None] = lambda: None,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self._queue = queue
        self._try_event = try_event
        self._admit = admit
        self._free = free
        self._emit = emit
        self._clock = clock
        self._processors = processors
        self._on_deliveries = on_deliveries
        self._extend_every = lease / 3
        self._backlogs: dict[Key, EventBacklog] = {}
        self._due: dict[Key, EventBacklog] = {}  # those of which some may be claimed now
        self._later: list[tuple[float, Key]] = []  # a heap: all alarms of all backlogs
        self._crowded: dict[Key, EventBacklog] = {}  # those with more waiting than workers
        self._held: dict[int, Claim] = {}  # by event id
        self._held_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling = 0
        self._wake = asyncio.Event()
        self._is_paused = False
        self._next_extension = clock.now() + self._extend_every  # leases end by this time too
        self._next_tick = 0.0

    @property
    def is_paused(self) -> bool:
        """Whether events are accepted and not run."""
        return self._is_paused

    @property
    def held(self) -> int:
        """How many events are claimed: they run, or are about to."""
        return len(self._held)

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
        also: Callable[[Connection], None] | None = None,
    ) -> None:
        """Keep an event until it has an outcome; returns when it is on disk, and with it what
        `also` has changed. TooManyRequestsException when its account sends too many in a second.
        """
        self._admit(function)
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
        backlog = self._backlog(function)
        is_claimed = self._can_be_claimed(backlog)
        backlog.coming += is_claimed
        claim, written = self._queue.begin_accept(event, is_claimed=is_claimed, also=also)
        written.add_done_callback(partial(self._accepted, backlog, claim, is_claimed))
        # Shielded, so that the event is run at once even if the one who sent it has hung up.
        await asyncio.shield(written)
        self._emit("AsyncEventsReceived", function, 1.0)

    def due(self, function: Key, at: float) -> None:
        """The queue has an event of this function that is due then (seconds since the epoch)."""
        backlog = self._backlog(function)
        if at < backlog.next_due:
            backlog.next_due = at
            self._set_alarm(backlog)

    async def run(self) -> None:
        """Dispatch until cancelled."""
        await self._persist(self._find_backlogs)
        while True:
            await self._persist(self._turn)
            await self._sleep()

    async def _persist(self, work: Callable[[], Awaitable[None]]) -> None:
        """Until it is done: a disk may refuse, and whatever it is, no event may be forgotten."""
        while True:
            try:
                return await work()
            except Exception:
                _log.exception("Events cannot be claimed; trying again.")
                await asyncio.sleep(DISK_RETRY_SECONDS)

    async def _find_backlogs(self) -> None:
        for function, at in (await self._queue.due_functions()).items():
            self.due(function, at)

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, give back what has not begun, and wait for what runs."""
        self.pause()
        await self._give_back()
        try:
            async with asyncio.timeout(seconds):
                while self._tasks:  # who has run an event leaves behind who settles it
                    await asyncio.wait(list(self._tasks))
        except TimeoutError:
            _log.warning("Some events still run; they will run again.")

    async def _give_back(self) -> None:
        waiting = [claim for backlog in self._backlogs.values() for claim in backlog.waiting]
        for backlog in self._backlogs.values():
            backlog.waiting.clear()
        for claim in waiting:
            self._let_go(claim)
        try:
            await self._queue.release(waiting)
        except Exception:
            _log.warning("Claims of events could not be given back; the next start voids them.")

    def _backlog(self, function: Key) -> EventBacklog:
        backlog = self._backlogs.get(function)
        if backlog is None:
            backlog = self._backlogs[function] = EventBacklog(function)
        return backlog

    def _accepted(
        self, backlog: EventBacklog, claim: Claim, is_claimed: bool, written: asyncio.Future[None]
    ) -> None:
        """An event is on disk, or could not be brought there."""
        backlog.coming -= is_claimed
        if written.exception() is not None:
            self._unpark(backlog)
        elif is_claimed:
            self._hold(backlog, claim)
            self._start_workers(backlog)
            self._unpark(backlog)
        else:
            self.due(backlog.key, claim.event.accepted_at)

    def _can_be_claimed(self, backlog: EventBacklog) -> bool:
        """Whether an event can run as soon as it is on disk: no other waits longer, and there is
        room for it."""
        if self._is_paused or backlog.next_due <= self._clock.now():
            return False
        return self._room(backlog) > 0

    def _hold(self, backlog: EventBacklog, claim: Claim) -> None:
        former = self._held.get(claim.event.id)
        if former is not None:  # settled a moment ago, of which the one who did it has yet to hear
            self._let_go(former)
        self._held[claim.event.id] = claim
        self._held_bytes += _size(claim)
        backlog.holds(_size(claim))
        backlog.waiting.append(claim)

    def _let_go(self, claim: Claim) -> None:
        held = self._held.get(claim.event.id)
        if held is not None and held.fence == claim.fence:  # else it is held anew by now
            del self._held[claim.event.id]
            self._held_bytes -= _size(claim)
            backlog = self._backlogs.get(claim.event.function_key)
            if backlog is not None:
                backlog.held_bytes -= _size(claim)
            if self._held_bytes < MOST_HELD_BYTES <= self._held_bytes + _size(claim):
                self._unpark_all()

    async def _turn(self) -> None:
        """Keep what is held, give more workers to those who need them, claim some of what is due.
        One claim and no more: leases do not wait for a backlog to end."""
        if self._clock.now() >= self._next_extension:
            await self._extend()
            self._forget_backlogs()
        moment = self._clock.monotonic()
        if moment >= self._next_tick:
            self._next_tick = moment + TICK_SECONDS
            self._tick()
        self._find_due()
        if wanted := self._choose_claims():
            await self._claim(wanted)

    async def _sleep(self) -> None:
        """Until something has happened, or is due."""
        if self._due and not self._is_paused:
            return
        until = min(self._next_extension, self._later[0][0] if self._later else NEVER)
        seconds = max(0.0, until - self._clock.now())
        if self._crowded and not self._is_paused:
            seconds = min(seconds, TICK_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _extend(self) -> None:
        """Hold on to the claims; a node that slept for longer than its leases begins with this."""
        for id, until in (await self._queue.extend(list(self._held.values()))).items():
            claim = self._held.get(id)
            if claim is not None:
                self._held[id] = replace(claim, until=until)
        self._next_extension = self._clock.now() + self._extend_every

    def _forget_backlogs(self) -> None:
        for backlog in [each for each in self._backlogs.values() if each.is_over]:
            del self._backlogs[backlog.key]

    def _tick(self) -> None:
        """More workers for those with a backlog; and another try for those without concurrency."""
        if not self._crowded:
            return
        idle_share = self._processors.idle_share()
        for key, backlog in list(self._crowded.items()):
            if not backlog.waiting:
                del self._crowded[key]
            elif self._may_start(backlog):
                workers = grow_workers(backlog.load(self._free(key)), idle_share)
                self._set_workers(backlog, workers)
                self._start_workers(backlog)

    def _set_alarm(self, backlog: EventBacklog) -> None:
        """Look again when the next event is due, unless that is done before."""
        if not backlog.alarms or backlog.next_due < backlog.alarms[-1]:
            backlog.alarms.append(backlog.next_due)
            heapq.heappush(self._later, (backlog.next_due, backlog.key))
            self._wake.set()

    def _find_due(self) -> None:
        now = self._clock.now()
        while self._later and self._later[0][0] <= now:
            _, function = heapq.heappop(self._later)
            backlog = self._backlogs[function]
            backlog.alarms.pop()
            if backlog.next_due > now:
                self._set_alarm(backlog)
            elif not backlog.is_parked:
                self._due[function] = backlog

    def _choose_claims(self) -> dict[Key, int]:
        """How many events to claim of which functions; those who have waited longest come first."""
        wanted: dict[Key, int] = {}
        if self._is_paused:
            return wanted
        while self._due and len(wanted) < MOST_FUNCTIONS_PER_CLAIM:
            key = next(iter(self._due))
            backlog = self._due.pop(key)
            if room := self._room(backlog):
                wanted[key] = room
            else:
                backlog.is_parked = True
        return wanted

    def _room(self, backlog: EventBacklog) -> int:
        """How many events may be claimed. When memory is short, only who has little of it may go
        on; who has no event at all may always have one."""
        left = max(MOST_HELD_BYTES - self._held_bytes, MOST_WHEN_SHORT - backlog.held_bytes)
        if left > 0:
            return min(backlog.room, max(1, int(left / backlog.mean_bytes)))
        return int(not (backlog.waiting or backlog.workers or backlog.coming))

    def _unpark(self, backlog: EventBacklog) -> None:
        """It has fewer events in memory than before, and perhaps room for those that are due. Each
        that was parked has some waiting, running or coming: so this will be called."""
        if backlog.is_parked and self._room(backlog):
            backlog.is_parked = False
            self._due[backlog.key] = backlog
            self._wake.set()

    def _unpark_all(self) -> None:
        """Memory is no longer short."""
        for backlog in self._backlogs.values():
            self._unpark(backlog)

    async def _claim(self, wanted: dict[Key, int]) -> None:
        backlogs = [self._backlogs[key] for key in wanted]
        for backlog in backlogs:
            backlog.next_due = NEVER  # what becomes due from now on may have missed this claim
            backlog.coming += wanted[backlog.key]
        found: dict[Key, Claimed] = {}
        refused = Claimed([], self._clock.now())  # then all of them are due still
        try:
            found = await self._queue.claim(wanted)
        finally:
            for backlog in backlogs:
                backlog.coming -= wanted[backlog.key]
                self._take(backlog, found.get(backlog.key, refused))

    def _take(self, backlog: EventBacklog, claimed: Claimed) -> None:
        if claimed.next_due is not None:
            self.due(backlog.key, claimed.next_due)
        for claim in claimed.claims:
            self._hold(backlog, claim)
        self._start_workers(backlog)

    def _may_start(self, backlog: EventBacklog) -> bool:
        if not backlog.waiting or self._is_paused:
            return False
        return backlog.held_until <= self._clock.monotonic()

    def _start_workers(self, backlog: EventBacklog) -> None:
        if self._may_start(backlog):
            load = backlog.load(self._free(backlog.key))
            self._set_workers(backlog, choose_workers(load, 2 * self._processors.count))
        if len(backlog.waiting) > backlog.starting:
            self._look_after(backlog)

    def _look_after(self, backlog: EventBacklog) -> None:
        """Some wait for which there is no worker."""
        if not self._crowded:
            self._next_tick = self._clock.monotonic() + TICK_SECONDS
            self._wake.set()
        self._crowded[backlog.key] = backlog

    def _set_workers(self, backlog: EventBacklog, workers: int) -> None:
        while backlog.workers < workers:
            backlog.workers += 1
            backlog.starting += 1
            self._spawn(self._work(backlog))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, backlog: EventBacklog) -> None:
        """Try one event after another, until none waits or there is no concurrency for it."""
        backlog.starting -= 1
        try:
            while backlog.waiting and not self._is_paused:
                claim = backlog.waiting.popleft()
                self._unpark(backlog)
                if not await self._try(backlog, claim):
                    break
        finally:
            backlog.workers -= 1
            self._unpark(backlog)
            if backlog.waiting:
                self._look_after(backlog)

    async def _try(self, backlog: EventBacklog, claim: Claim) -> bool:
        """Whether the worker may go on."""
        held = self._held.get(claim.event.id)
        if held is None or held.fence != claim.fence or held.until <= self._clock.now():
            self._let_go(claim)  # the lease is over: somebody else may run it, or this node again
            self.due(backlog.key, self._clock.now())
            return True
        began = self._clock.monotonic()
        tried = await self._try_event(claim)
        if tried.is_refused:
            backlog.held_until = self._clock.monotonic() + HELD_SECONDS
        elif tried.has_run:
            backlog.took(self._clock.monotonic() - began)
        settling = self._settle(claim, tried)
        if self._settling < MOST_SETTLING:
            self._spawn(settling)
        else:
            await settling
        return not tried.is_refused

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


def _size(claim: Claim) -> int:
    """Bytes that an event takes in memory, about."""
    return _HELD_BESIDE_PAYLOAD + len(claim.event.payload)
