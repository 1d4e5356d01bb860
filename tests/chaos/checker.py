"""From a history to the promises that were broken. Pure: it can be shown any history.

accepted ─▶ queued, dead, handed on, or ran to a good end          nothing is lost
refused  ─▶ never ran                                              an error is an answer
good end ─▶ never ran again, unless a fault came between           nothing runs twice for nothing
a claim with an older fence ─▶ settles nothing                     nobody settles what he has lost
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from history import Answer, Claimed, Fault, History, Run, Sent, Settled

SETTLED_WITHIN = 10.0  # seconds, in which the end of a run is surely on disk without a fault
END_OF_TIME = float("inf")


class Rule(Enum):
    """What must never be."""

    LOST = "an accepted event is lost"
    REFUSED_RAN = "a refused event has run"
    RENAMED = "an event has run with another request id than was answered"
    TWICE = "an event ran again after a good end, and no fault came between"
    TRIED_TOO_OFTEN = "an event was tried more often than its function may fail"
    GIVEN_UP = "an event was given up that had tries left, and no fault came between"
    AT_ONCE = "an event ran twice at the same time, and no fault came between"
    CROWDED = "a function ran more often at a time than its concurrency allows"
    UNLOGGED = "an event is settled, and the log has no line of it"
    STALE = "a claim that was lost has settled its event"
    SETTLED_TWICE = "an event was settled twice"


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that was broken, by what, and how it came to light."""

    rule: Rule
    subject: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule.value}: {self.subject} ({self.detail})"


def find_violations(history: History) -> list[Violation]:
    """Every rule that a server has broken."""
    runs = runs_by_tag(history.runs)
    return [
        *_lost(history, runs),
        *_refused_ran(history, runs),
        *_renamed(history, runs),
        *_repeated(history, runs),
        *_tried_too_often(history, runs),
        *_given_up(history, runs),
        *_crowded(history),
        *_unlogged(history, runs),
    ]


def runs_by_tag(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each event, in order."""
    found: dict[str, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.started):
        found[run.tag].append(run)
    return found


def repetitions(history: History) -> Iterator[tuple[Run, Run, bool]]:
    """Every run that followed a good end of its event; the flag says that a fault is to blame."""
    for runs in runs_by_tag(history.runs).values():
        for before, after in pairwise(runs):
            if before.has_succeeded:
                yield before, after, _is_excused(history.faults, before, after)


def most_at_once(history: History, function: str) -> int:
    """How often a function has run at a time."""
    moments: list[tuple[float, int]] = []
    for run in history.runs:
        if run.function == function:
            moments += [(run.started, 1), (_end(run, history.faults), -1)]
    running = most = 0
    for _, change in sorted(moments):  # at the same moment, ends come first
        running += change
        most = max(most, running)
    return most


def _is_settled(history: History, sent: Sent) -> bool:
    """Whether the database knows nothing of an accepted event any more."""
    stored = history.stored
    return not any(
        sent.request_id in held for held in (stored.queued, stored.dead, stored.handed_on)
    )


def _lost(history: History, runs: dict[str, list[Run]]) -> Iterator[Violation]:
    for sent in history.accepted:
        if not _is_settled(history, sent):
            continue
        its = runs.get(sent.tag, [])
        if not any(run.has_succeeded for run in its):
            detail = f"accepted at {sent.answered_at:.3f}, not stored, {len(its)} runs, none good"
            yield Violation(Rule.LOST, _name(sent), detail)


def _refused_ran(history: History, runs: dict[str, list[Run]]) -> Iterator[Violation]:
    for sent in history.sent:
        if sent.answer is Answer.REFUSED and sent.tag in runs:
            detail = f"answered {sent.error} at {sent.answered_at:.3f}, {_times(runs[sent.tag])}"
            yield Violation(Rule.REFUSED_RAN, _name(sent), detail)


def _renamed(history: History, runs: dict[str, list[Run]]) -> Iterator[Violation]:
    for sent in history.accepted:
        names = {run.request_id for run in runs.get(sent.tag, [])}
        if names - {sent.request_id}:
            yield Violation(Rule.RENAMED, _name(sent), f"ran as {', '.join(sorted(names))}")


def _repeated(history: History, runs: dict[str, list[Run]]) -> Iterator[Violation]:
    for its in runs.values():
        for before, after in pairwise(its):
            if _is_excused(history.faults, before, after):
                continue
            if before.has_succeeded:
                yield Violation(Rule.TWICE, _run_name(before), _times([before, after]))
            if before.ended is not None and after.started < before.ended:
                yield Violation(Rule.AT_ONCE, _run_name(before), _times([before, after]))


def _tried_too_often(history: History, runs: dict[str, list[Run]]) -> Iterator[Violation]:
    for its in runs.values():
        excused = sum(_is_excused(history.faults, *pair) for pair in pairwise(its))
        if len(its) - excused > history.tries:
            yield Violation(Rule.TRIED_TOO_OFTEN, _run_name(its[0]), _times(its))


def _given_up(history: History, runs: dict[str, list[Run]]) -> Iterator[Violation]:
    for sent in history.accepted:
        its = runs.get(sent.tag, [])
        if sent.request_id not in history.stored.dead or len(its) >= history.tries:
            continue
        if not any(fault.ended >= sent.sent_at for fault in history.faults):
            yield Violation(Rule.GIVEN_UP, _name(sent), f"after {len(its)} of {history.tries}")


def _crowded(history: History) -> Iterator[Violation]:
    for function, limit in history.limits.items():
        most = most_at_once(history, function)
        if most > limit:
            yield Violation(Rule.CROWDED, function, f"{most} at a time, {limit} are allowed")


def _unlogged(history: History, runs: dict[str, list[Run]]) -> Iterator[Violation]:
    if history.logged is None:
        return
    for sent in history.accepted:
        if not _is_settled(history, sent) or sent.tag in history.logged:
            continue
        if any(run.has_succeeded for run in runs.get(sent.tag, [])):
            yield Violation(Rule.UNLOGGED, _name(sent), _times(runs[sent.tag]))


def _is_excused(faults: Sequence[Fault], before: Run, after: Run) -> bool:
    """Whether a fault came after a run had begun, and before its end was surely settled."""
    until = END_OF_TIME if before.ended is None else before.ended + SETTLED_WITHIN
    until = min(until, after.started)
    return any(fault.began <= until and fault.ended >= before.started for fault in faults)


def _end(run: Run, faults: Sequence[Fault]) -> float:
    """When a run was over: one without an end has died with the first kill that came."""
    if run.ended is not None:
        return run.ended
    kills = (fault for fault in faults if fault.kind.is_kill and fault.ended >= run.started)
    return max(run.started, min((kill.began for kill in kills), default=END_OF_TIME))


def find_fence_violations(
    claimed: Sequence[Claimed], settled: Sequence[Settled]
) -> list[Violation]:
    """Every settlement that counted and should not have: by who had lost his claim to somebody
    else, or of an event that had its outcome already."""
    return [*_stale(claimed, settled), *_settled_twice(settled)]


def _stale(claimed: Sequence[Claimed], settled: Sequence[Settled]) -> Iterator[Violation]:
    for end in settled:
        newer = [
            claim
            for claim in claimed
            if claim.event_id == end.event_id and claim.fence > end.fence and claim.at < end.began
        ]
        if end.was_accepted and newer:
            detail = f"{end.by} settled with fence {end.fence}, {newer[0].by} has {newer[0].fence}"
            yield Violation(Rule.STALE, f"event {end.event_id}", detail)


def _settled_twice(settled: Sequence[Settled]) -> Iterator[Violation]:
    accepted: dict[int, list[str]] = defaultdict(list)
    for end in settled:
        if end.was_accepted:
            accepted[end.event_id].append(end.by)
    for event_id, by in accepted.items():
        if len(by) > 1:
            yield Violation(Rule.SETTLED_TWICE, f"event {event_id}", f"by {', '.join(by)}")


def _name(sent: Sent) -> str:
    return f"{sent.function} {sent.tag} {sent.request_id}".rstrip()


def _run_name(run: Run) -> str:
    return f"{run.function} {run.tag} {run.request_id}"


def _times(runs: Sequence[Run]) -> str:
    return "ran " + ", ".join(
        f"{run.started:.3f}-{'?' if run.ended is None else f'{run.ended:.3f}'}" for run in runs
    )
