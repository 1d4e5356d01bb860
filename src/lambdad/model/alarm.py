"""Which state a metric alarm is in: M out of N datapoints, and what is missing of them.

An alarm that treats missing data as `missing` or `ignore` keeps its state while all that it has
breaches but is not enough; with `missing` it goes into ALARM all the same once the oldest of it is
as old as what is needed, since nothing later has spoken against it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from lambdad.model.alarm_evidence import Datapoint, Evidence, Watch, gather
from lambdad.model.alarm_reason import (
    alarm_reason,
    insufficient_data_reason,
    ok_reason,
    reason_data,
)


class AlarmState(StrEnum):
    """AWS's words."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of an alarm, why, and the same as JSON."""

    state: AlarmState
    reason: str
    reason_data: str


_REASONS: Mapping[AlarmState, Callable[[Evidence], str]] = MappingProxyType(
    {
        AlarmState.OK: ok_reason,
        AlarmState.ALARM: alarm_reason,
        AlarmState.INSUFFICIENT_DATA: insufficient_data_reason,
    }
)


def evaluate(
    watch: Watch, datapoints: Collection[Datapoint], *, end: int, now: float
) -> Verdict | None:
    """What the alarm's state must be, None for the one that it has.

    `end` is where the latest period has ended; datapoints begin whole periods before it, and those
    of `watch.periods_looked_at` count. Both and `now` are epoch seconds.
    """
    evidence = gather(watch, datapoints, end)
    state = decide(evidence)
    if state is None:
        return None
    return Verdict(state, _REASONS[state](evidence), reason_data(evidence, now))


def decide(evidence: Evidence) -> AlarmState | None:
    """The state alone."""
    watch, breaching = evidence.watch, len(evidence.breaching)
    if watch.ignores_low_samples and any(map(watch.is_low_sample, evidence.datapoints)):
        return None
    if watch.treat_missing_data == "breaching":
        breaching += evidence.missing
    if breaching >= watch.needed:
        return AlarmState.ALARM
    if evidence.not_breaching or watch.treat_missing_data in ("breaching", "notBreaching"):
        return AlarmState.OK
    return _undecided(evidence)


def _undecided(evidence: Evidence) -> AlarmState | None:
    """Too few datapoints, and none that speaks for OK."""
    if evidence.watch.treat_missing_data == "ignore":
        return None
    if not evidence.datapoints:
        return AlarmState.INSUFFICIENT_DATA
    return AlarmState.ALARM if evidence.oldest_age >= evidence.watch.needed else None
