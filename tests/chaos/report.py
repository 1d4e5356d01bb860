"""What a campaign has brought, as tables for people."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence

from campaign import Step
from checker import Rule, Violation, most_at_once, repetitions
from history import Answer, History, Kind
from rich.console import Console
from rich.table import Table

SHOWN = 20  # violations


def print_report(
    console: Console, history: History, steps: Sequence[Step], violations: Sequence[Violation]
) -> None:
    """The whole of it."""
    console.print(_events(history, violations), _faults(steps))
    for violation in violations[:SHOWN]:
        console.print(f"[red]{violation}")
    if len(violations) > SHOWN:
        console.print(f"[red]and {len(violations) - SHOWN} more")


def _events(history: History, violations: Sequence[Violation]) -> Table:
    answers = [sent.answer for sent in history.sent]
    again = [is_excused for _, _, is_excused in repetitions(history)]
    done = {run.tag for run in history.runs if run.has_succeeded}
    lost = {each.subject for each in violations if each.rule is Rule.LOST}
    table = Table("events", "")
    rows = {
        "accepted": answers.count(Answer.ACCEPTED),
        "refused with an error": answers.count(Answer.REFUSED),
        "without an answer": answers.count(Answer.NONE),
        "of these, run nevertheless": sum(
            sent.answer is Answer.NONE and sent.tag in done for sent in history.sent
        ),
        "accepted and completed": sum(sent.tag in done for sent in history.accepted),
        "accepted and dead": sum(s.request_id in history.stored.dead for s in history.accepted),
        "accepted and still queued": sum(
            s.request_id in history.stored.queued for s in history.accepted
        ),
        "lost": len(lost),
        "runs again after a good end, a fault between": sum(again),
        "runs again after a good end, without one": len(again) - sum(again),
    }
    dead = Counter(
        sent.function for sent in history.accepted if sent.request_id in history.stored.dead
    )
    rows |= {f"dead of {function}": dead[function] for function in sorted(dead)}
    rows |= {
        f"most at once of {function}, {limit} allowed": most_at_once(history, function)
        for function, limit in history.limits.items()
    }
    for name, number in {**rows, "violations": len(violations)}.items():
        table.add_row(name, f"{number:,}")
    return table


def _faults(steps: Sequence[Step]) -> Table:
    table = Table("fault", "times", "recovery: median", "longest")
    for kind in Kind:
        seconds = [step.recovered for step in steps if step.fault.kind is kind]
        if seconds:
            middle, most = statistics.median(seconds), max(seconds)
            table.add_row(kind.value, str(len(seconds)), f"{middle:.2f} s", f"{most:.2f} s")
    table.caption = "Recovery: from a kill, or the end of a stop, until an event is accepted again."
    return table
