"""One try of an event: what it invokes, what becomes of it, what is counted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from played import make_version

from lambdad.clock import FakeClock
from lambdad.errors import ClientError, PlatformError
from lambdad.invocation.lease import throttled
from lambdad.invocation.try_event import EventTrier, Tried
from lambdad.model.event import Claim, Event, EventTarget
from lambdad.model.fate import Completed, GivenUp, Requeued
from lambdad.model.invocation import FunctionError, Invocation, Report, Result
from lambdad.model.recursion import MOST_INVOCATIONS, count_hop
from lambdad.model.trace_header import TraceHeader, parse_trace_header

KEY = ("123456789012", "eu-west-1", "f")
VERSION = make_version()
ARN = VERSION.unqualified_arn


class Bench:
    """Invokes nothing, but answers with `outcome`, which may be an exception."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.outcome: Exception | None = None
        self.error: str | None = None  # of the function
        self.target: EventTarget | Exception | None = EventTarget(VERSION, ARN)
        self.invoked: list[tuple[Invocation, dict[str, Any]]] = []
        self.emitted: list[tuple[str, float]] = []
        self.settings: dict[str, Any] = {}

    async def invoke(self, version: Any, invocation: Invocation, **how: Any) -> Result:
        assert version is VERSION
        self.invoked.append((invocation, how))
        await asyncio.sleep(0)
        if self.outcome is not None:
            raise self.outcome
        error = None if self.error is None else FunctionError("Unhandled")
        report = Report(invocation.request_id, 1.0, 1, 128, 10, error=error)
        return Result((self.error or "1").encode("latin-1"), "$LATEST", report)

    def find_target(self, event: Event) -> EventTarget | None:
        if isinstance(self.target, Exception):
            raise self.target
        return self.target

    def emit(self, name: str, function: Any, value: float) -> None:
        assert function == KEY
        self.emitted.append((name, value))

    async def attempt(self, **changes: Any) -> Tried:
        members: dict[str, Any] = {"payload": b"[1]", "accepted_at": self.clock.now(), **changes}
        event = Event(1, "r-1", *KEY, None, **members)
        invoker: Any = self
        trier = EventTrier(invoker, self.find_target, self.clock, self.emit, **self.settings)
        return await trier(Claim(event, 1, self.clock.now() + 60))

    def retarget(self, **changes: Any) -> None:
        self.target = EventTarget(VERSION, ARN, **changes)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_the_function_gets_what_was_accepted(bench: Bench) -> None:
    await bench.attempt(tenant_id="blue")
    ((invocation, how),) = bench.invoked
    accepted_at = invocation.accepted_at
    expected = Invocation(
        "r-1", b"[1]", ARN, "", tenant_id="blue", accepted_at=accepted_at, attempt=1
    )
    assert invocation == expected
    assert how == {"is_admitted": True}


async def test_a_success_completes_the_event(bench: Bench) -> None:
    assert await bench.attempt() == Tried(Completed(), has_run=True)


async def test_an_event_that_failed_is_tried_again(bench: Bench) -> None:
    bench.error = '{"errorMessage": "no"}'
    tried = await bench.attempt(tries=1)
    assert tried == Tried(Requeued(bench.clock.now() + 120, 2, 0), has_run=True)


async def test_how_long_it_waits_can_be_set(bench: Bench) -> None:
    bench.error, bench.settings = "{}", {"retry_seconds": 1.0}
    assert (await bench.attempt()).fate == Requeued(bench.clock.now() + 1, 1, 0)


async def test_an_event_that_failed_too_often_is_given_up(bench: Bench) -> None:
    bench.error = '{"errorMessage": "no"}'
    tried = await bench.attempt(tries=2)
    assert tried == Tried(GivenUp("RetriesExhausted", bench.error, 3), has_run=True)
    assert ("AsyncEventsDropped", 1.0) in bench.emitted


async def test_the_error_that_is_kept_is_short_text(bench: Bench) -> None:
    bench.error = "\xff" + 5_000 * "x"
    fate = (await bench.attempt(tries=2)).fate
    assert isinstance(fate, GivenUp)
    assert fate.error == "\ufffd" + 1023 * "x"
    fate.error.encode()


async def test_a_throttled_event_has_not_been_tried(bench: Bench) -> None:
    bench.outcome = throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
    tried = await bench.attempt(throttles=2)
    assert tried == Tried(Requeued(bench.clock.now() + 4, 0, 3), is_refused=True)


@pytest.mark.parametrize(
    "failure",
    [
        ClientError("ServiceException", "no"),
        PlatformError("no environment"),
        OSError("disk"),
        RuntimeError("a mistake of ours"),
    ],
)
async def test_a_failure_of_the_platform_is_no_try_of_the_function(
    bench: Bench, failure: Exception
) -> None:
    bench.outcome = failure
    assert await bench.attempt(tries=1) == Tried(
        Requeued(bench.clock.now() + 1, 1, 1), is_refused=True
    )
    assert not any(name == "AsyncEventsDropped" for name, _ in bench.emitted)


@pytest.mark.parametrize("failure", [ValueError("no"), KeyError("no"), RecursionError()])
async def test_a_target_that_cannot_be_found_out_raises_nothing(
    bench: Bench, failure: Exception
) -> None:
    bench.target = failure
    assert await bench.attempt() == Tried(Requeued(bench.clock.now() + 1, 0, 1), is_refused=True)
    assert bench.invoked == []


async def test_an_old_event_whose_target_cannot_be_found_out_does_not_come_back_at_once(
    bench: Bench,
) -> None:
    bench.target = ValueError("no")
    fate = (await bench.attempt(accepted_at=bench.clock.now() - 100_000)).fate
    assert isinstance(fate, Requeued)
    assert fate.due_at > bench.clock.now()


async def test_an_event_of_a_function_that_is_gone_is_given_up(bench: Bench) -> None:
    bench.target = None
    tried = await bench.attempt(tries=1)
    assert tried.fate == GivenUp(
        "FunctionNotFound", "The function, or the version or alias invoked, is no longer there.", 1
    )
    assert not tried.has_run
    assert bench.emitted == [("AsyncEventsDropped", 1.0)]


async def test_an_event_that_is_too_old_is_given_up_without_a_try(bench: Bench) -> None:
    bench.retarget(maximum_event_age=60)
    tried = await bench.attempt(accepted_at=bench.clock.now() - 60)
    assert isinstance(tried.fate, GivenUp)
    assert tried.fate.condition == "EventAgeExceeded"
    assert not tried.has_run
    assert bench.invoked == []
    assert bench.emitted == [("AsyncEventsDropped", 1.0)]


async def test_a_function_with_nothing_reserved_is_not_invoked(bench: Bench) -> None:
    bench.retarget(has_no_concurrency=True)
    tried = await bench.attempt()
    assert isinstance(tried.fate, GivenUp)
    assert tried.fate.condition == "ZeroReservedConcurrency"
    assert bench.invoked == []


async def test_the_age_of_an_event_is_counted_whenever_it_is_invoked(bench: Bench) -> None:
    await bench.attempt(accepted_at=bench.clock.now() - 2.5)
    assert bench.emitted == [("AsyncEventAge", 2_500.0)]


async def test_who_is_cancelled_is_cancelled(bench: Bench) -> None:
    task = asyncio.create_task(bench.attempt())
    await asyncio.sleep(0)
    assert bench.invoked
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_became_of_an_event_is_told_where_its_target_says(bench: Bench) -> None:
    queue = "arn:aws:sqs:us-east-1:000000000000:q"
    bench.target = EventTarget(VERSION, ARN, on_success=queue, dead_letter=queue)

    (record,) = (await bench.attempt()).deliveries
    bench.error = '{"errorMessage": "no"}'
    retried = await bench.attempt()
    (letter,) = (await bench.attempt(tries=2)).deliveries

    assert (record.kind, record.target_arn, record.event_id) == ("OnSuccess", queue, 1)
    assert json.loads(record.body)["requestContext"]["approximateInvokeCount"] == 1
    assert retried.deliveries == ()
    assert (letter.kind, letter.body) == ("DeadLetter", b"[1]")


async def test_a_loop_ends_unless_it_is_allowed(bench: Bench) -> None:
    header = TraceHeader("1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8", False)
    for _ in range(MOST_INVOCATIONS + 1):
        header = count_hop(header, ARN)

    tried = await bench.attempt(trace_header=str(header))

    assert isinstance(tried.fate, GivenUp)
    assert tried.fate.condition == "RecursiveInvocation"
    assert bench.invoked == []
    assert ("RecursiveInvocationsDropped", 1.0) in bench.emitted
    bench.target = EventTarget(VERSION, ARN, may_recurse=True)
    assert (await bench.attempt(trace_header=str(header))).fate == Completed()


async def test_an_error_that_no_database_takes_is_told_all_the_same(bench: Bench) -> None:
    bench.error = '{"errorType": "E", "errorMessage": "\\ud800"}'
    fate = (await bench.attempt(tries=2)).fate
    assert isinstance(fate, GivenUp)
    assert fate.error == "E: ?"


async def test_a_retry_is_no_hop_and_yet_a_step_of_its_own(bench: Bench) -> None:
    header = TraceHeader("1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8", False)

    for tries in range(2):
        await bench.attempt(trace_header=str(header), tries=tries)

    found = [parse_trace_header(each.trace_id) for each, _ in bench.invoked]
    assert found[0] != found[1]
    assert [each and replace(each, parent=header.parent) for each in found] == [header, header]
    assert {each.upstream for each, _ in bench.invoked} == {header.parent}
