"""One run of the benchmarks: how much is measured, and what is shown meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)


@dataclass(frozen=True, slots=True)
class Effort:
    """How many samples a run takes; figures of the small one mean nothing."""

    samples: int  # of what takes long: starts, cold or of the server
    exchanges: int  # of what does not: single requests
    load_seconds: float  # of one stretch of load
    stretches: int  # of load, at each number of connections
    warm_up_seconds: float  # of load before a stretch; its execution environments start in it
    settle_seconds: float  # from a server's ready line to the reading of its memory
    crowd: int  # of requests that are sent all at once
    runs: int  # of what is done with a crowd
    functions: int  # of a server that has many
    backlog: int  # of events that are drained
    great_backlog: int  # of events that others must not wait for
    old_lines: int  # of logs, over 24 hours or a month
    old_streams: int  # over a month


FULL = Effort(
    samples=30,
    exchanges=1_000,
    load_seconds=5.0,
    stretches=2,
    warm_up_seconds=2.0,
    settle_seconds=2.0,
    crowd=1_000,
    runs=3,
    functions=10_000,
    backlog=100_000,
    great_backlog=1_000_000,
    old_lines=10_000_000,
    old_streams=100_000,
)
QUICK = Effort(
    samples=2,
    exchanges=50,
    load_seconds=0.4,
    stretches=1,
    warm_up_seconds=1.0,
    settle_seconds=0.2,
    crowd=60,
    runs=1,
    functions=100,
    backlog=2_000,
    great_backlog=20_000,
    old_lines=200_000,
    old_streams=1_000,
)


class Run:
    """What each benchmark gets."""

    def __init__(self, effort: Effort, console: Console) -> None:
        self.effort = effort
        self._console = console

    @contextmanager
    def steps(self, title: str, total: int) -> Iterator[Steps]:
        """Show `title` and how many of `total` steps are done."""
        if not self._console.is_terminal:
            self._console.print(title)
        # Drawn only when a step is done: a thread that draws would take time from a sample.
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        progress = Progress(
            *columns,
            TimeElapsedColumn(),
            console=self._console,
            auto_refresh=False,
            disable=not self._console.is_terminal,
        )
        with progress:
            yield Steps(progress, progress.add_task(title, total=total))


class Steps:
    """The steps of one benchmark."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        progress.refresh()

    def done(self) -> None:
        """One more is done."""
        self._progress.advance(self._task)
        self._progress.refresh()
