"""The dispatcher: it runs what is due, fairly, as many at once as is good, and forgets nothing."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from dispatch_bench import COMPLETED, KEY, DispatchBench, again

from lambdad.clock import FakeClock
from lambdad.invocation import dispatcher as dispatcher_module
from lambdad.invocation.choose_workers import choose_ahead
from lambdad.invocation.dispatcher import HELD_SECONDS, TICK_SECONDS
from lambdad.invocation.try_event import Tried
from lambdad.model.event import Claim
from lambdad.model.fate import GivenUp, Requeued
from lambdad.store.database import Database
from lambdad.store.event_queue import LEASE_SECONDS, EventQueue
from support.events import ACCOUNT, REGION, claim_all, make_delivery, make_event


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "state.db")
    yield database
    database.close()


@pytest.fixture
async def bench(
    database: Database, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DispatchBench]:
    monkeypatch.setattr(dispatcher_module, "DISK_RETRY_SECONDS", 0.001)
    bench = await DispatchBench.open(database, clock)
    bench.start()
    await bench.settle_down()
    yield bench
    await bench.stop()


async def test_what_is_accepted_runs_and_is_settled(bench: DispatchBench) -> None:
    await bench.send(20)
    await bench.ended(20)
    assert set(bench.ran.values()) == {1}
    assert await bench.counts() == {}


async def test_accepting_returns_when_the_event_is_kept(bench: DispatchBench) -> None:
    bench.gate.clear()
    await bench.send()
    assert await bench.counts() == {"claimed": 1, "payloads": 1}


async def test_what_can_run_at_once_needs_no_claim(bench: DispatchBench) -> None:
    for n in range(5):
        await bench.send()
        await bench.ended(n + 1)
    assert bench.queue.calls["claim"] == 0


async def test_what_was_queued_before_the_start_runs(database: Database, clock: FakeClock) -> None:
    earlier = await EventQueue.open(database, clock)
    for _ in range(3):
        await earlier.accept(make_event(earlier, clock))
    await earlier.accept(make_event(earlier, clock), is_claimed=True)

    bench = await DispatchBench.open(database, clock)
    bench.start()
    await bench.ended(4)
    await bench.stop()

    assert await bench.counts() == {}


async def test_an_event_is_tried_again_when_it_is_due(bench: DispatchBench) -> None:
    bench.play = lambda claim: again(bench.clock, 60) if not claim.event.tries else COMPLETED
    await bench.send()
    await bench.ended(1)

    bench.advance(59)
    await bench.settle_down()
    assert len(bench.tried) == 1
    bench.advance(1)
    await bench.ended(2)

    assert await bench.counts() == {}


async def test_retries_of_one_function_do_not_keep_its_new_events_waiting(
    bench: DispatchBench,
) -> None:
    bench.play = lambda claim: again(bench.clock, 60)
    await bench.send(30)
    await bench.ended(30)
    bench.play = lambda claim: COMPLETED
    await bench.send()
    await bench.ended(31)
    assert await bench.counts() == {"queued": 30, "payloads": 30}


@pytest.mark.slow
async def test_a_backlog_of_one_does_not_keep_another_waiting(bench: DispatchBench) -> None:
    bench.dispatcher.pause()
    await bench.send(500, "crowded")
    await bench.send(1, "other")
    bench.dispatcher.resume()
    await bench.ended(501)
    assert bench.tried.index("other") < 50


async def test_a_new_event_runs_at_once_beside_a_backlog(bench: DispatchBench) -> None:
    await bench.store(500, "crowded")
    await bench.until(lambda: bench.tried)
    before = len(bench.tried)
    await bench.send(1, "other")
    await bench.until(lambda: "other" in bench.tried)
    assert bench.tried.index("other") - before < 300
    await bench.ended(501)


@pytest.mark.slow
async def test_many_functions_with_backlogs_run_side_by_side(
    bench: DispatchBench,
) -> None:
    bench.dispatcher.pause()
    names = [f"f{n}" for n in range(100)]
    for name in names:
        await bench.send(40, name)
    bench.dispatcher.resume()
    await bench.ended(4_000)
    seen = Counter(bench.tried[: bench.tried.index(names[-1])])
    assert max(seen.values()) <= 2 * choose_ahead(0, None)


@pytest.mark.slow
async def test_one_turn_claims_once_however_much_is_due(bench: DispatchBench) -> None:
    bench.dispatcher.pause()
    for n in range(100):
        await bench.send(1, f"f{n}")
    await bench.settle_down()
    await bench.stop()
    bench.dispatcher.resume()

    await bench.dispatcher._turn()

    assert bench.queue.calls["claim"] == 1
    assert len(bench.dispatcher._due) == 100 - dispatcher_module.MOST_FUNCTIONS_PER_CLAIM


@pytest.mark.slow
async def test_functions_without_room_are_not_looked_at_again_and_again(
    bench: DispatchBench,
) -> None:
    bench.gate.clear()
    for n in range(10):
        await bench.store(100, f"f{n}")
    await bench.settle_down()
    claims = bench.queue.calls["claim"]
    assert not bench.dispatcher._due

    await bench.send(1, "other")
    await bench.settle_down()

    assert bench.queue.calls["claim"] == claims
    bench.gate.set()
    await bench.ended(1_001)


async def test_workers_one_first_then_some_at_once_and_more_while_processors_are_idle(
    bench: DispatchBench,
) -> None:
    bench.gate.clear()
    await bench.send(1)
    await bench.settle_down()
    assert bench.running == 1
    await bench.send(15)
    await bench.settle_down()
    assert bench.running == 2 * bench.processors.count

    for expected in (6, 9, 13):
        bench.advance(TICK_SECONDS)
        await bench.settle_down()
        assert bench.running == expected
    bench.gate.set()
    await bench.ended(16)


async def test_workers_do_not_grow_while_processors_are_busy(bench: DispatchBench) -> None:
    bench.gate.clear()
    bench.processors.idle = 0.0
    await bench.send(16)
    for _ in range(3):
        bench.advance(TICK_SECONDS)
        await bench.settle_down()
    assert bench.running == 4


async def test_workers_are_no_more_than_concurrency_permits(bench: DispatchBench) -> None:
    bench.gate.clear()
    bench.concurrency = 2
    await bench.send(16)
    await bench.settle_down()
    bench.advance(TICK_SECONDS)
    await bench.settle_down()
    assert bench.running == 2


async def test_a_function_without_concurrency_waits_and_begins_anew(bench: DispatchBench) -> None:
    throttled = Tried(Requeued(bench.clock.now() + 300, 0, 1), is_refused=True)
    bench.play = lambda claim: throttled
    bench.concurrency = 0  # so that there is one worker
    await bench.send(10)
    await bench.ended(1)
    bench.advance(HELD_SECONDS - 0.01)
    await bench.settle_down()
    assert len(bench.tried) == 1

    bench.play, bench.concurrency = lambda claim: COMPLETED, 10
    bench.advance(TICK_SECONDS)
    await bench.ended(10)
    assert await bench.counts() == {"queued": 1, "payloads": 1}


async def test_a_function_without_concurrency_holds_up_no_other(bench: DispatchBench) -> None:
    throttled = Tried(Requeued(bench.clock.now() + 300, 0, 1), is_refused=True)
    bench.play = lambda claim: throttled if claim.event.function_name == "f" else COMPLETED
    await bench.send(10)
    await bench.send(10, "other")
    await bench.until(lambda: bench.tried.count("other") == 10)


async def test_events_that_find_all_workers_busy_are_looked_after(bench: DispatchBench) -> None:
    """Nothing else happens that would wake the dispatcher."""
    bench.gate.clear()
    await bench.send(6)
    await bench.settle_down()
    assert bench.running == 4
    bench.clock.advance(TICK_SECONDS)
    await bench.until(lambda: bench.running == 6)


@pytest.mark.slow
async def test_claims_are_extended_as_long_as_events_run(bench: DispatchBench) -> None:
    bench.gate.clear()
    await bench.send(10)
    for _ in range(9):
        bench.advance(LEASE_SECONDS / 3)
        await bench.settle_down()
        assert await claim_all(bench.queue) == []
    bench.gate.set()
    await bench.ended(10)
    assert all(is_good for _, is_good in bench.queue.settled)


async def test_an_event_whose_lease_is_over_is_claimed_anew_before_it_begins(
    bench: DispatchBench,
) -> None:
    bench.gate.clear()
    bench.processors.idle = 0.0
    await bench.send(10)
    await bench.settle_down()
    assert bench.running == 4
    begun = set(bench.ran)

    bench.clock.advance(LEASE_SECONDS + 1)  # and nobody has woken the dispatcher yet
    bench.queue.refusals["extend"] = [OSError("full")] * 3
    bench.gate.set()
    await bench.until(lambda: len(bench.ran) == 10)
    await bench.settle_down()

    assert all(bench.ran[id] == 1 for id in set(bench.ran) - begun)
    assert await bench.counts() == {}


async def test_a_node_that_has_slept_first_extends_what_it_runs(bench: DispatchBench) -> None:
    bench.gate.clear()
    await bench.send(4)
    await bench.settle_down()
    bench.clock._now += 3_600  # not monotonic(): the machine was asleep
    bench.dispatcher._wake.set()
    await bench.settle_down()
    assert bench.queue.calls["extend"] == 1
    bench.gate.set()
    await bench.ended(4)
    assert set(bench.ran.values()) == {1}


async def test_what_somebody_else_has_by_now_is_not_settled_here(bench: DispatchBench) -> None:
    bench.gate.clear()
    await bench.send()
    await bench.settle_down()
    bench.clock.advance(LEASE_SECONDS)
    (taken,) = await claim_all(bench.queue)
    bench.gate.set()
    await bench.ended(1)
    assert [is_good for _, is_good in bench.queue.settled] == [False]
    assert await bench.counts() == {"claimed": 1, "payloads": 1}
    assert taken.event.id not in bench.dispatcher._held


async def test_a_claim_takes_the_place_of_a_former_one(bench: DispatchBench) -> None:
    bench.gate.clear()
    await bench.send()
    (held,) = bench.dispatcher._held.values()
    size = bench.dispatcher._held_bytes
    anew = Claim(held.event, held.fence + 2, held.until)
    bench.dispatcher._hold(bench.dispatcher._backlogs[KEY], anew)
    assert bench.dispatcher._held_bytes == size
    bench.dispatcher._let_go(held)
    assert list(bench.dispatcher._held.values()) == [anew]


async def test_letting_an_old_claim_go_leaves_the_new_one(bench: DispatchBench) -> None:
    bench.gate.clear()
    await bench.send()
    (held,) = bench.dispatcher._held.values()
    bench.dispatcher._let_go(Claim(held.event, held.fence - 1, held.until))
    assert list(bench.dispatcher._held.values()) == [held]


async def test_while_paused_events_are_accepted_and_not_run(bench: DispatchBench) -> None:
    bench.dispatcher.pause()
    assert bench.dispatcher.is_paused
    await bench.send(10)
    bench.advance(10)
    await bench.settle_down()
    assert bench.tried == []
    assert await bench.counts() == {"queued": 10, "payloads": 10}

    bench.dispatcher.resume()
    await bench.ended(10)
    assert not bench.dispatcher.is_paused


async def test_what_is_claimed_when_it_is_paused_goes_on_when_it_is_resumed(
    bench: DispatchBench,
) -> None:
    bench.gate.clear()
    await bench.send(16)
    await bench.settle_down()
    bench.dispatcher.pause()
    bench.gate.set()
    await bench.ended(4)
    await bench.settle_down()
    assert len(bench.tried) == 4
    bench.dispatcher.resume()
    await bench.ended(16)


async def test_draining_gives_back_what_has_not_begun_and_waits_for_what_runs(
    bench: DispatchBench,
) -> None:
    bench.gate.clear()
    await bench.send(16)
    await bench.settle_down()
    draining = asyncio.create_task(bench.dispatcher.drain(5))
    await bench.until(lambda: bench.queue.calls["release"])
    await bench.settle_down()
    assert await bench.counts() == {"queued": 12, "claimed": 4, "payloads": 16}
    assert not draining.done()

    bench.gate.set()
    await draining

    assert await bench.counts() == {"queued": 12, "payloads": 12}
    assert len(bench.tried) == 4


async def test_draining_does_not_wait_for_ever(bench: DispatchBench) -> None:
    bench.gate.clear()
    await bench.send()
    await bench.settle_down()
    await bench.dispatcher.drain(0.01)
    assert await bench.counts() == {"claimed": 1, "payloads": 1}


async def test_draining_a_disk_that_refuses_leaves_the_claims_to_the_next_start(
    bench: DispatchBench,
) -> None:
    bench.gate.clear()
    await bench.send(16)
    await bench.settle_down()
    bench.queue.refusals["release"] = [OSError("full")]
    await bench.dispatcher.drain(0.01)
    assert await bench.counts() == {"claimed": 16, "payloads": 16}


async def test_an_outcome_that_the_disk_refuses_is_kept_later(bench: DispatchBench) -> None:
    bench.queue.refusals["settle"] = [OSError("full")] * 25
    await bench.send(10)
    await bench.ended(10)
    assert await bench.counts() == {}
    assert set(bench.ran.values()) == {1}


async def test_claims_that_the_disk_refuses_are_made_later(bench: DispatchBench) -> None:
    bench.queue.refusals["claim"] = [OSError("full")] * 3
    await bench.store(10)
    await bench.ended(10)
    assert bench.queue.calls["claim"] > 3


async def test_extensions_that_the_disk_refuses_are_made_later(bench: DispatchBench) -> None:
    bench.gate.clear()
    await bench.send()
    bench.queue.refusals["extend"] = [OSError("full")] * 3
    bench.advance(LEASE_SECONDS / 3)
    await bench.until(lambda: bench.queue.calls["extend"] == 4)


async def test_a_disk_that_refuses_the_first_question(bench: DispatchBench) -> None:
    await bench.stop()
    await bench.queue.accept(make_event(bench.queue, bench.clock))
    bench.queue.refusals["due_functions"] = [OSError("full")]
    bench.start()
    await bench.ended(1)


async def test_an_event_that_the_disk_refuses_is_refused(bench: DispatchBench) -> None:
    bench.queue.refusals["accept"] = [OSError("full")]
    with pytest.raises(OSError, match="full"):
        await bench.send()
    await bench.send()
    await bench.ended(1)
    assert len(bench.tried) == 1


async def test_an_event_runs_even_if_its_sender_has_hung_up(bench: DispatchBench) -> None:
    sending = asyncio.create_task(bench.send())
    await bench.until(lambda: bench.queue.calls["accept"])
    sending.cancel()
    await bench.ended(1)


async def test_when_memory_is_short_every_event_runs_nevertheless(
    bench: DispatchBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "MOST_HELD_BYTES", 3_000)
    monkeypatch.setattr(dispatcher_module, "MOST_WHEN_SHORT", 0)
    most = 0

    def play(claim: Claim) -> Tried:
        nonlocal most
        most = max(most, len(bench.dispatcher._held))
        return COMPLETED

    bench.play = play
    await asyncio.gather(*(bench.send(20, f"f{n}") for n in range(5)))
    await bench.ended(100)
    assert most < 100
    assert set(bench.ran.values()) == {1}


async def test_one_functions_large_events_leave_room_for_the_small_ones_of_others(
    bench: DispatchBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_module, "MOST_HELD_BYTES", 3_000)
    bench.gate.clear()
    await bench.send(4, "large")

    await bench.send(4, "small")
    await bench.until(lambda: bench.running == 8)

    bench.gate.set()
    await bench.ended(8)


async def test_what_is_accepted_while_a_claim_is_on_its_way_is_not_forgotten(
    bench: DispatchBench,
) -> None:
    bench.queue.gates["claim"] = asyncio.Event()
    await bench.store(1)
    await bench.until(lambda: bench.queue.calls["claim"])
    await bench.settle_down()
    await bench.store(1)  # the claim does not know of it
    await bench.settle_down()

    bench.queue.gates["claim"].set()

    await bench.ended(2)


async def test_what_is_to_be_sent_gets_ids_and_is_told(bench: DispatchBench) -> None:
    def play(claim: Claim) -> Tried:
        told = make_delivery(bench.queue, claim.event, id=0, event_id=0)
        return Tried(GivenUp("c", "e", 1), [told, told], has_run=True)

    bench.play = play
    await bench.send()
    await bench.until(lambda: bench.told == 1)
    ((settlement, _),) = bench.queue.settled
    ids = {each.id for each in settlement.deliveries}
    assert len(ids) == 2
    assert 0 not in ids
    assert {each.event_id for each in settlement.deliveries} == {settlement.claim.event.id}


@pytest.mark.slow
async def test_alarms_do_not_pile_up(bench: DispatchBench) -> None:
    bench.play = lambda claim: again(bench.clock, 300)
    await bench.send()
    await bench.ended(1)
    bench.play = lambda claim: COMPLETED
    for n in range(50):
        await bench.store(1)
        await bench.ended(n + 2)
        bench.advance(0.5)
    await bench.settle_down()
    assert len(bench.dispatcher._later) <= 5


@pytest.mark.slow
async def test_nothing_is_left_when_all_is_done(bench: DispatchBench) -> None:
    tries: Counter[str] = Counter()
    draws = random.Random(1)

    def play(claim: Claim) -> Tried:
        tries[claim.event.request_id] += 1
        if tries[claim.event.request_id] == 1:
            return again(bench.clock, draws.uniform(0, 300))
        if tries[claim.event.request_id] == 2:
            fate = Requeued(bench.clock.now() + 1, 1, 1)
            return Tried(fate, is_refused=draws.random() < 0.5)
        return COMPLETED

    bench.play = play
    for n in range(10):
        await bench.send(10, f"f{n}")
        await bench.store(10, f"f{n}")
    for _ in range(80):
        bench.advance(7)
        await bench.settle_down()

    dispatcher = bench.dispatcher
    assert set(tries.values()) == {3}
    assert await bench.counts() == {}
    assert dispatcher._held == {}
    assert dispatcher._held_bytes == 0
    assert dispatcher._backlogs == {}
    assert dispatcher._due == {}
    assert dispatcher._later == []
    assert dispatcher._crowded == {}
    assert dispatcher._tasks == set()
    assert dispatcher._settling == 0


async def test_a_function_that_was_named_twice_is_claimed_once(bench: DispatchBench) -> None:
    bench.dispatcher.due(KEY, bench.clock.now())
    bench.dispatcher.due(KEY, bench.clock.now())
    bench.dispatcher.due((ACCOUNT, REGION, "later"), bench.clock.now() + 5)
    await bench.settle_down()
    assert bench.queue.calls["claim"] == 1
    assert bench.tried == []
