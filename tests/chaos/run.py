"""A long campaign: python tests/chaos/run.py --kills 50 --seed 1 --seconds 3

It kills, and stops the node now and then, as root, and prints what became of the events. The exit
code is 1 when a promise was broken. The same seed does the same in the same order; the moments are
the machine's.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from campaign import TRAFFIC, Campaign, Step, deploy, settings, wage
from checker import find_violations
from evidence import history_directory
from history import Kind
from load import Load
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from lambdad.testing.server import LocalServer
from report import print_report
from support.processes import adopt_orphans, assert_nobody_is_left

KILLS = {Kind.LAUNCHER: 4, Kind.NODE: 3, Kind.ZYGOTE: 2, Kind.ENVIRONMENT: 3}
STOP_AFTER = 8  # kills


def plan(kills: int, seed: int) -> list[Kind]:
    """What is done, in order."""
    drawn = Random(seed).choices(list(KILLS), list(KILLS.values()), k=kills)
    kinds: list[Kind] = []
    for number, kind in enumerate(drawn, start=1):
        kinds.append(kind)
        if number % STOP_AFTER == 0:
            kinds.append(Kind.STOP)
    return kinds


def main() -> int:
    """Wage it; 1 when anything is wrong."""
    arguments = _arguments()
    console = Console()
    console.print(f"seed {arguments.seed}: {arguments.kills} kills, {arguments.seconds:g} s apart")
    adopt_orphans()
    kinds = plan(arguments.kills, arguments.seed)
    with history_directory() as directory, LocalServer(**settings(directory)) as server:
        deploy(server, TRAFFIC)
        campaign = Campaign(server, directory, arguments.seed)
        with _progress(console) as progress:
            task = progress.add_task("", total=len(kinds), load="")
            history, steps = wage(
                campaign,
                kinds,
                seconds=arguments.seconds,
                on_step=lambda step, load: _show(progress, task, step, load),
            )
    assert_nobody_is_left(timeout=5)
    found = [violation for step in steps for violation in step.violations]
    violations = list(dict.fromkeys(found + find_violations(history)))
    print_report(console, history, steps, violations)
    return 1 if violations else 0


def _show(progress: Progress, task: TaskID, step: Step, load: Load) -> None:
    line = f"{len(load.sent):,} events; {step.fault.kind.value}: {step.recovered:.2f} s"
    for violation in step.violations:
        progress.console.print(f"[red]{violation}")
    progress.update(task, advance=1, load=line)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("faults"), MofNCompleteColumn(), BarColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[load]}"), console=console,
    )  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--seconds", type=float, default=3.0, help="between two of them, about")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
