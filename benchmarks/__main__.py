"""Measure, show the table, keep the results.

python -m benchmarks [--quick] [--peers] [NAME ...]
"""

from __future__ import annotations

import argparse
import compileall
import gc
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

import lambdad
from benchmarks import (
    bench_cold_start,
    bench_control_plane,
    bench_environments,
    bench_events,
    bench_fairness,
    bench_freezing,
    bench_languages,
    bench_limits,
    bench_logs,
    bench_memory,
    bench_observation,
    bench_peers,
    bench_server,
    bench_sleepers,
    bench_streams,
    bench_throughput,
    bench_urls,
    bench_warm_invoke,
    machine,
    report,
)
from benchmarks.report import Result
from benchmarks.run import FULL, QUICK, Run
from benchmarks.server import ServerError
from benchmarks.workload import WorkloadError, raise_descriptor_limit
from lambdad.cli.failure import CommandError

BENCHMARKS: dict[str, Callable[[Run], list[Result]]] = {
    "limits": bench_limits.measure,
    "server": bench_server.measure,
    "cold_start": bench_cold_start.measure,
    "languages": bench_languages.measure,
    "warm_invoke": bench_warm_invoke.measure,
    "throughput": bench_throughput.measure,
    "environments": bench_environments.measure,
    "sleepers": bench_sleepers.measure,
    "fairness": bench_fairness.measure,
    "memory": bench_memory.measure,
    "freezing": bench_freezing.measure,
    "control_plane": bench_control_plane.measure,
    "events": bench_events.measure,
    "streams": bench_streams.measure,
    "logs": bench_logs.measure,
    "urls": bench_urls.measure,
    "observation": bench_observation.measure,
    "peers": bench_peers.measure,
}
_ONLY_WHEN_ASKED = ("peers",)
_FAILURES = (ServerError, WorkloadError, CommandError, BotoCoreError, ClientError, OSError)
_TABLE_WIDTH = 160  # when no terminal says


def main() -> int:
    """Run what was asked for; 1 when something could not be measured, whatever the figures."""
    options = read_options(sys.argv[1:])
    console = Console(width=None if sys.stdout.isatty() else _TABLE_WIDTH)
    run = Run(QUICK if options.quick else FULL, console)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # by way of what stops the server
    raise_descriptor_limit()
    # As an installer does; a node that is not root's could not, and would compile at each start.
    compileall.compile_dir(Path(lambdad.__file__).parent, quiet=2)
    gc.disable()  # a collection of this process would show up as a slow answer of the server
    load = machine.load_average()
    results: list[Result] = []
    failed = []
    for name in options.names:
        try:
            results += BENCHMARKS[name](run)
        except _FAILURES as error:
            failed.append(name)
            console.print(f"{name} could not be measured: {error}", style="red", markup=False)
    report.show(console, results, _caption(load))
    if not options.quick and results:
        path = report.append(
            results, revision=machine.revision(), machine=machine.describe(), load=load
        )
        console.print(f"Appended {len(results)} lines to {path}", style="dim", markup=False)
    return 1 if failed else 0


def read_options(arguments: list[str]) -> argparse.Namespace:
    """What was asked for: `names` of benchmarks, in order, and whether it is to be `quick`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure lambdad.")
    names = f"which of {', '.join(BENCHMARKS)}; default: all but {', '.join(_ONLY_WHEN_ASKED)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    parser.add_argument(
        "--quick", action="store_true", help="a few samples, to see that it works; nothing is kept"
    )
    parser.add_argument(
        "--peers", action="store_true", help="rivals too, which `make bench PEERS=1` installs"
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; see --help")
    options.names = options.names or [n for n in BENCHMARKS if n not in _ONLY_WHEN_ASKED]
    if options.peers and "peers" not in options.names:
        options.names.append("peers")
    return options


def _caption(load: float) -> str:
    facts = machine.describe()
    sandbox = "namespaces" if os.geteuid() == 0 else "process (no isolation)"
    return (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['memory_mb']} MB; "
        f"Linux {facts['kernel']}; Python {facts['python']}; "
        f"revision {machine.revision()}; sandbox {sandbox}; load average at the start {load}"
    )


if __name__ == "__main__":
    sys.exit(main())
