"""The queue of events against a plain model: claims, leases, fences, and holders that come late."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import Connection, select

from lambdad.clock import FakeClock
from lambdad.model.event import Claim
from lambdad.model.fate import Completed, GivenUp, Requeued
from lambdad.store.database import Database
from lambdad.store.event_queue import LEASE_SECONDS, EventQueue, Settlement
from lambdad.store.event_records import EventRecords
from lambdad.store.schema import events
from support.events import ACCOUNT, REGION, kept, make_event

T = TypeVar("T")
NAMES = ("f", "g")
names = st.sampled_from(NAMES)
fates = st.one_of(
    st.just(Completed()),
    st.just(GivenUp("c", "e", 1)),
    st.floats(0, 200).map(lambda seconds: Requeued(seconds, 1, 0)),  # from now on
)


class QueueMachine(RuleBasedStateMachine):
    """`claims` are good: the newest on their events. `stale` are all that were before."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.database = Database.open(Path(self.directory.name) / "state.db")
        self.queue: EventQueue = self.run(EventQueue.open(self.database, self.clock))
        self.queues = [self.queue]
        self.functions: dict[int, str] = {}  # of every event that was ever accepted
        self.due: dict[int, float] = {}  # of queued events
        self.claims: dict[int, tuple[Claim, float]] = {}  # and until when
        self.dead: set[int] = set()
        self.completed: set[int] = set()
        self.stale: list[Claim] = []
        self.fences: dict[int, int] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.database.close()
        self.loop.close()
        self.directory.cleanup()

    def claimable(self, name: str) -> set[int]:
        now = self.clock.now()
        free = {id for id, due_at in self.due.items() if due_at <= now}
        lapsed = {id for id, (_, until) in self.claims.items() if until <= now}
        return {id for id in free | lapsed if self.functions[id] == name}

    def began(self, claim: Claim) -> None:
        id = claim.event.id
        if id in self.claims:
            self.stale.append(self.claims[id][0])
        self.due.pop(id, None)
        self.claims[id] = (claim, claim.until)

    def ended(self, claim: Claim) -> None:
        del self.claims[claim.event.id]
        self.stale.append(claim)

    @rule(name=names, is_claimed=st.booleans())
    def accept(self, name: str, is_claimed: bool) -> None:
        event = make_event(self.queue, self.clock, function_name=name)
        assert event.id not in self.functions
        claim = self.run(self.queue.accept(event, is_claimed=is_claimed))
        self.functions[event.id] = name
        if is_claimed:
            self.began(claim)
        else:
            self.due[event.id] = self.clock.now()

    @rule(name=names, count=st.integers(1, 4))
    def claim(self, name: str, count: int) -> None:
        may = self.claimable(name)
        key = (ACCOUNT, REGION, name)
        claimed = self.run(self.queue.claim({key: count}))[key]
        ids = {claim.event.id for claim in claimed.claims}
        assert len(ids) == len(claimed.claims) == min(count, len(may))
        assert ids <= may
        for claim in claimed.claims:
            self.began(claim)
        left = [at for id, at in self.due.items() if self.functions[id] == name]
        left += [at for id, (_, at) in self.claims.items() if self.functions[id] == name]
        assert claimed.next_due == min(left, default=None)

    @precondition(lambda self: self.claims or self.stale)
    @rule(data=st.data())
    def extend_some(self, data: st.DataObject) -> None:
        wanted = self.draw_claims(data)
        extended = self.run(self.queue.extend(wanted))
        good = {claim.event.id for claim in wanted if self.is_good(claim)}
        until = self.clock.now() + LEASE_SECONDS
        assert extended == dict.fromkeys(good, until)
        for id in good:
            self.claims[id] = (self.claims[id][0], until)

    @precondition(lambda self: self.claims or self.stale)
    @rule(data=st.data())
    def release_some(self, data: st.DataObject) -> None:
        wanted = self.draw_claims(data)
        good = {claim.event.id: claim for claim in wanted if self.is_good(claim)}
        self.run(self.queue.release(wanted))
        for id, claim in good.items():
            self.ended(claim)
            self.due[id] = self.clock.now()

    @precondition(lambda self: self.claims or self.stale)
    @rule(data=st.data(), fate=fates, through=st.integers(0, 3))
    def settle_some(self, data: st.DataObject, fate: Any, through: int) -> None:
        """In one commit; by this queue or by one that was opened before it."""
        queue = self.queues[-1 - through % len(self.queues)]
        now = self.clock.now()
        if isinstance(fate, Requeued):
            fate = Requeued(now + fate.due_at, fate.tries, fate.throttles)
        wanted = self.draw_claims(data)

        async def settle() -> list[bool]:
            every = (queue.settle(Settlement(claim, fate, now)) for claim in wanted)
            return list(await asyncio.gather(*every))

        expected = []
        results = self.run(settle())
        for claim in wanted:
            is_good = self.is_good(claim)
            expected.append(is_good)
            if is_good:
                self.ended(claim)
                self.note(claim.event.id, fate)
        assert results == expected

    def note(self, id: int, fate: Any) -> None:
        match fate:
            case Completed():
                self.completed.add(id)
            case GivenUp():
                self.dead.add(id)
            case Requeued():
                self.due[id] = fate.due_at

    def draw_claims(self, data: st.DataObject) -> list[Claim]:
        """Good ones and stale ones, perhaps the same twice."""
        every = [claim for claim, _ in self.claims.values()] + self.stale[-10:]
        return data.draw(st.lists(st.sampled_from(every), min_size=1, max_size=4))

    def is_good(self, claim: Claim) -> bool:
        held = self.claims.get(claim.event.id)
        return held is not None and held[0] == claim

    @precondition(lambda self: self.dead)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        id = data.draw(st.sampled_from(sorted(self.dead)))
        records = EventRecords(self.database)
        event = self.run(records.replay(ACCOUNT, REGION, f"r-{id}", self.clock.now()))
        assert event is not None
        self.dead.remove(id)
        self.due[id] = self.clock.now()

    @rule(seconds=st.sampled_from([0.5, 20.0, LEASE_SECONDS, 500.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def open_again(self) -> None:
        epoch = self.queue.epoch
        self.queue = self.run(EventQueue.open(self.database, self.clock))
        self.queues.append(self.queue)
        assert self.queue.epoch == epoch + 1
        for claim, _ in list(self.claims.values()):
            self.ended(claim)
            self.due[claim.event.id] = self.clock.now()

    @invariant()
    def every_event_is_in_exactly_one_state(self) -> None:
        found = self.run(kept(self.database))
        assert found["queued"] == set(self.due)
        assert found["claimed"] == set(self.claims)
        assert found["dead"] == self.dead
        alive = found["queued"] | found["claimed"] | found["dead"]
        assert alive | self.completed == set(self.functions)
        assert found["payloads"] == alive

    @invariant()
    def fences_only_grow(self) -> None:
        found = self.run(self.database.read(_fences))
        for id, fence in found.items():
            assert fence >= self.fences.get(id, 0)
        self.fences |= found
        for id, (claim, _) in self.claims.items():
            assert found[id] == claim.fence

    @invariant()
    def nothing_is_due_that_the_queue_does_not_know_of(self) -> None:
        expected: dict[Any, float] = {}
        times = {**self.due, **{id: until for id, (_, until) in self.claims.items()}}
        for id, at in times.items():
            key = (ACCOUNT, REGION, self.functions[id])
            expected[key] = min(at, expected.get(key, at))
        assert self.run(self.queue.due_functions()) == expected


def _fences(connection: Connection) -> dict[int, int]:
    return {id: fence for id, fence in connection.execute(select(events.c.id, events.c.fence))}


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestQueue = pytest.mark.slow(QueueMachine.TestCase)
