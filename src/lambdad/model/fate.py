"""What becomes of an event after a try: the rules of asynchronous invocation (POLICY).

succeeded ────────────────────────────────────▶ completed
function error ─▶ tries left? ─▶ again in 1 minute, then 2 ─▶ else given up
throttled, service error ─▶ again in 1 s, 2 s, … 5 minutes, until it is too old
too old, nothing reserved, a loop, no function ─▶ given up without a try
"""

from __future__ import annotations

from dataclasses import dataclass

from lambdad.model.event import (
    EVENT_AGE_EXCEEDED,
    MAXIMUM_RETRY_ATTEMPTS,
    RETRIES_EXHAUSTED,
    ZERO_RESERVED_CONCURRENCY,
    Event,
    EventTarget,
)

RETRY_SECONDS = 60.0  # after the first function error; twice as long after the second
_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 300.0
LONGEST_WAIT = 7_200.0  # seconds that any event waits for, however long the setting says


@dataclass(frozen=True, slots=True)
class Completed:
    """The function has run, and has not failed."""

    condition: str = "Success"


@dataclass(frozen=True, slots=True)
class Requeued:
    """It is tried again at `due_at` (seconds since the epoch)."""

    due_at: float
    tries: int
    throttles: int


@dataclass(frozen=True, slots=True)
class GivenUp:
    """It is not tried again. `error` tells people what went wrong last."""

    condition: str
    error: str
    tries: int


Fate = Completed | Requeued | GivenUp


def fate_before_try(event: Event, target: EventTarget, now: float) -> GivenUp | None:
    """Whether an event is given up before the function has it."""
    if target.has_no_concurrency:
        error = "The function's reserved concurrency is 0."
        return GivenUp(ZERO_RESERVED_CONCURRENCY, error, event.tries)
    if now >= _expiry(event, target):
        error = f"The event was older than {target.maximum_event_age} seconds."
        return GivenUp(EVENT_AGE_EXCEEDED, error, event.tries)
    return None


def fate_after_error(
    event: Event,
    target: EventTarget,
    error: str,
    now: float,
    retry_seconds: float = RETRY_SECONDS,
) -> GivenUp | Requeued:
    """The function has failed with `error`."""
    tries = event.tries + 1
    if tries > target.maximum_retry_attempts:
        return GivenUp(RETRIES_EXHAUSTED, error, tries)
    due_at = now + retry_seconds * tries
    return Requeued(min(due_at, _expiry(event, target)), tries, event.throttles)


def fate_after_refusal(event: Event, maximum_event_age: int, now: float) -> Requeued:
    """It was throttled, or the platform has failed: that is no try of the function."""
    # Never at once, even when it is too old already: who cannot even be told so waits as well.
    expiry = max(event.accepted_at + maximum_event_age, now + _FIRST_BACKOFF)
    return Requeued(min(now + backoff(event.throttles), expiry), event.tries, event.throttles + 1)


def longest_wait(retry_seconds: float) -> float:
    """Seconds for which an event waits at most; one that is due later was told so by a clock that
    was wrong."""
    return max(_LONGEST_BACKOFF, retry_seconds * MAXIMUM_RETRY_ATTEMPTS)


def backoff(times: int) -> float:
    """Seconds to wait after what was refused so many times before, and is no fault of its own."""
    return min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(times, 16))


def _expiry(event: Event, target: EventTarget) -> float:
    return event.accepted_at + target.maximum_event_age
