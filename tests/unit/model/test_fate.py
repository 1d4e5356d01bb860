"""What becomes of an event after a try."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.event import Event, EventTarget
from lambdad.model.fate import (
    LONGEST_WAIT,
    GivenUp,
    Requeued,
    fate_after_error,
    fate_after_refusal,
    fate_before_try,
)

NOW = 1_700_000_000.0


def an_event(**changes: Any) -> Event:
    members = {"accepted_at": NOW, **changes}
    return Event(1, "r-1", "000000000000", "us-east-1", "f", None, b"{}", **members)


def a_target(**changes: Any) -> EventTarget:
    return EventTarget(version=None, invoked_arn="arn", **changes)  # type: ignore[arg-type]


def test_a_function_error_is_tried_again_after_one_minute_and_after_two() -> None:
    assert fate_after_error(an_event(), a_target(), "no", NOW) == Requeued(NOW + 60, 1, 0)
    assert fate_after_error(an_event(tries=1), a_target(), "no", NOW) == Requeued(NOW + 120, 2, 0)


def test_the_third_error_is_the_last() -> None:
    fate = fate_after_error(an_event(tries=2), a_target(), "no", NOW)
    assert fate == GivenUp("RetriesExhausted", "no", 3)


def test_a_function_without_retries_has_one_try() -> None:
    fate = fate_after_error(an_event(), a_target(maximum_retry_attempts=0), "no", NOW)
    assert fate == GivenUp("RetriesExhausted", "no", 1)


def test_a_refusal_costs_no_try_and_waits_twice_as_long_each_time() -> None:
    waits = [fate_after_refusal(an_event(throttles=n), 21_600, NOW).due_at - NOW for n in range(11)]
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert fate_after_refusal(an_event(tries=1), 21_600, NOW).tries == 1


def test_an_event_that_is_too_old_is_given_up_without_a_try() -> None:
    target = a_target(maximum_event_age=60)
    assert fate_before_try(an_event(), target, NOW + 59.9) is None
    fate = fate_before_try(an_event(tries=1), target, NOW + 60)
    assert fate == GivenUp("EventAgeExceeded", "The event was older than 60 seconds.", 1)


def test_a_function_with_nothing_reserved_has_no_try() -> None:
    fate = fate_before_try(an_event(), a_target(has_no_concurrency=True), NOW)
    assert fate is not None
    assert fate.condition == "ZeroReservedConcurrency"


@given(
    age=st.integers(60, 21_600),
    waited=st.floats(0, 30_000),
    tries=st.integers(0, 2),
    throttles=st.integers(0, 10_000),
)
def test_nobody_waits_beyond_his_age_or_for_longer_than_the_longest_wait(
    age: int, waited: float, tries: int, throttles: int
) -> None:
    event = an_event(tries=tries, throttles=throttles)
    target = a_target(maximum_event_age=age)
    now = NOW + waited
    for fate in (
        fate_after_error(event, target, "no", now),
        fate_after_refusal(event, age, now),
    ):
        if isinstance(fate, Requeued):
            assert fate.due_at <= max(NOW + age, now + 1)
            assert fate.due_at <= now + LONGEST_WAIT


def test_a_refusal_of_what_is_too_old_does_not_come_back_at_once() -> None:
    fate = fate_after_refusal(an_event(throttles=9), 60, NOW + 100)
    assert fate == Requeued(NOW + 101, 0, 10)
