"""The checker finds each broken promise, and nothing in a history without one."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from checker import (
    SETTLED_WITHIN,
    Rule,
    find_fence_violations,
    find_violations,
    most_at_once,
    repetitions,
)
from evidence import parse_runs
from history import Answer, Claimed, Fault, History, Kind, Run, Sent, Settled, Stored

QUEUED, DEAD = Stored(queued={"r1"}), Stored(dead={"r1"})
GONE = Stored()


def sent(answer: Answer = Answer.ACCEPTED, tag: str = "1") -> Sent:
    request_id = f"r{tag}" if answer is Answer.ACCEPTED else ""
    return Sent(tag, "f", 1.0, 2.0, answer, request_id)


def run(started: float, ended: float | None = None, tag: str = "1", **more: Any) -> Run:
    return Run(tag, "f", f"r{tag}", started, ended, **more)


def crash(at: float, kind: Kind = Kind.NODE) -> Fault:
    return Fault(kind, at, at)


def history(*runs: Run, stored: Stored = GONE, **more: Any) -> History:
    return History(**{"sent": (sent(),), "stored": stored, "runs": runs, **more})


def broken(seen: History) -> set[Rule]:
    return {violation.rule for violation in find_violations(seen)}


@pytest.mark.parametrize(
    "seen",
    [
        history(run(3, 4)),
        history(stored=QUEUED),
        history(stored=Stored(handed_on={"r1"})),
        history(run(3), stored=QUEUED, faults=(crash(4),)),
        history(run(3, 4, has_failed=True), run(5, 6)),
        history(*(run(n, n + 0.5, has_failed=True) for n in (3, 4, 5)), stored=DEAD),
        history(run(3, 4), sent=(sent(Answer.NONE),)),
        history(sent=(sent(Answer.NONE),)),
        history(sent=(sent(Answer.REFUSED),)),
        history(run(3, 4), run(6, 7), faults=(crash(5),)),
        history(run(3, 4), run(6, 7), faults=(Fault(Kind.STOP, 2, 3.5),)),
        history(run(3, 4), logged={"1"}),
    ],
)
def test_a_promise_that_is_kept_is_no_violation(seen: History) -> None:
    assert broken(seen) == set()


@pytest.mark.parametrize(
    ("seen", "rule"),
    [
        (history(), Rule.LOST),
        (history(run(3)), Rule.LOST),
        (history(run(3, 4, has_failed=True)), Rule.LOST),
        (history(run(3, 4), sent=(sent(Answer.REFUSED),)), Rule.REFUSED_RAN),
        (history(run(3, 4, tag="1"), sent=(replace(sent(), request_id="r9"),)), Rule.RENAMED),
        (history(run(3, 4), run(6, 7)), Rule.TWICE),
        (history(run(3, 4), run(6, 7), faults=(crash(2),)), Rule.TWICE),
        (history(run(3, 4), run(6, 7), faults=(crash(6.5),)), Rule.TWICE),
        (
            history(run(3, 4), run(90, 91), faults=(crash(4.1 + SETTLED_WITHIN),)),
            Rule.TWICE,
        ),
        (history(run(3, 5, has_failed=True), run(4, 6)), Rule.AT_ONCE),
        (history(*(run(n) for n in (3, 4, 5, 6)), stored=QUEUED), Rule.TRIED_TOO_OFTEN),
        (history(run(3), stored=DEAD), Rule.GIVEN_UP),
        (history(run(3, 4), logged={"2"}), Rule.UNLOGGED),
        (history(run(3, 5), run(4, 6, tag="2"), limits={"f": 1}), Rule.CROWDED),
    ],
)
def test_a_promise_that_is_broken_is_found(seen: History, rule: Rule) -> None:
    assert broken(seen) == {rule}


def test_a_run_without_an_end_lasts_until_the_next_kill() -> None:
    runs = (run(3), run(5, 6, tag="2"))

    assert most_at_once(history(*runs, faults=(crash(4),)), "f") == 1
    assert most_at_once(history(*runs, faults=(crash(4, Kind.STOP),)), "f") == 2
    assert most_at_once(history(*runs), "f") == 2


def test_who_begins_when_another_ends_is_not_beside_it() -> None:
    assert most_at_once(history(run(3, 4), run(4, 5, tag="2")), "f") == 1


def test_repetitions_tell_whether_a_fault_is_to_blame() -> None:
    seen = history(run(3, 4), run(6, 7), run(8, 9), faults=(crash(5),))

    assert [is_excused for _, _, is_excused in repetitions(seen)] == [True, False]


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 10)), max_size=20))
def test_as_many_run_at_once_as_overlap_at_some_start(spans: list[tuple[float, float]]) -> None:
    runs = [run(start, start + length, str(n)) for n, (start, length) in enumerate(spans)]
    overlapping = [
        sum(other.started <= each.started < (other.ended or 0) for other in runs) for each in runs
    ]

    assert most_at_once(history(*runs), "f") == max(overlapping, default=0)


CLAIMED = [Claimed(1, 1, 1.0, "first"), Claimed(1, 2, 5.0, "second")]


def test_a_settlement_by_the_newest_fence_is_right() -> None:
    refused = Settled(1, 1, 6.0, 6.1, "first", was_accepted=False)
    accepted = Settled(1, 2, 5.5, 5.6, "second", was_accepted=True)

    assert find_fence_violations(CLAIMED, [refused, accepted]) == []


def test_a_settlement_by_an_older_fence_is_found() -> None:
    stale = Settled(1, 1, 6.0, 6.1, "first", was_accepted=True)

    (violation,) = find_fence_violations(CLAIMED, [stale])

    assert violation.rule is Rule.STALE


def test_two_outcomes_of_one_event_are_found() -> None:
    early = Settled(1, 1, 2.0, 2.1, "first", was_accepted=True)
    late = Settled(1, 2, 6.0, 6.1, "second", was_accepted=True)

    (violation,) = find_fence_violations(CLAIMED, [early, late])

    assert violation.rule is Rule.SETTLED_TWICE


def test_what_a_function_has_written_is_read_as_runs() -> None:
    lines = ["start 1 f r1 3.0", "end 1 f r1 4.0", "start 2 f r2 5.0", "fail 2 f r2 6.0"]

    assert parse_runs([*lines, "start 3 f r3 7.0"]) == (
        run(3.0, 4.0),
        run(5.0, 6.0, "2", has_failed=True),
        run(7.0, None, "3"),
    )
