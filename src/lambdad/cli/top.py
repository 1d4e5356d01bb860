"""`lambdad top`: what every function does now, second by second."""

from __future__ import annotations

import time
from typing import Any

import click

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.operator_api import ask
from lambdad.cli.options import client_command
from lambdad.cli.screen import NARROWEST, Screen

_PATH = "/_lambdad/top"
_COUNTS = ("Invocations", "Errors", "Throttles", "ColdStarts")
_COLUMNS = ("FUNCTION", "INV/S", "ERR/S", "THR/S", "COLD/S", "P50", "P99", "BUSY", "IDLE", "MEMORY")
_MEGABYTE = 1024 * 1024

Snapshot = tuple[float, dict[str, dict[str, Any]]]  # when, and each function's figures by name


@client_command("top")
@click.option("--interval", default=1.0, show_default=True, type=click.FloatRange(0.1, 60.0),
              help="Seconds between two looks.")  # fmt: skip
@click.option("--once", is_flag=True, help="Show one interval and end.")
def command(endpoint: Endpoint, screen: Screen, interval: float, once: bool) -> None:
    """Show live what functions do: invocations a second, errors, latency, environments, memory.

    P50 and P99 are of a function's latest 500 invocations, in milliseconds. With --json each
    interval is a JSON document of its own.
    """
    before = _look(endpoint)
    if screen.as_json or once:
        while True:
            time.sleep(interval)
            now = _look(endpoint)
            rows = _rates(before, now)
            if screen.as_json:
                screen.json_line({"functions": rows})
            else:
                screen.show(_table(rows))
            if once:
                return
            before = now
    _live(endpoint, screen, before, interval)


def _live(endpoint: Endpoint, screen: Screen, before: Snapshot, interval: float) -> None:
    from rich.live import Live

    with Live(_table(_rates(before, before)), console=screen.out, screen=False) as live:
        try:
            while True:
                time.sleep(interval)
                now = _look(endpoint)
                live.update(_table(_rates(before, now)), refresh=True)
                before = now
        except KeyboardInterrupt:
            return


def _look(endpoint: Endpoint) -> Snapshot:
    found = ask(endpoint, "GET", _PATH, {})["Functions"]
    return time.monotonic(), {each["FunctionName"]: each for each in found}


def _rates(before: Snapshot, now: Snapshot) -> list[dict[str, Any]]:
    """Each function's figures, counts being those of a second; the busiest first."""
    seconds = max(now[0] - before[0], 1e-3)
    rows = []
    for name, figures in now[1].items():
        earlier = before[1].get(name, {})
        rates = {
            f"{count}PerSecond": round(max(0, figures[count] - earlier.get(count, 0)) / seconds, 2)
            for count in _COUNTS
        }
        rows.append({**figures, **rates})
    return sorted(rows, key=lambda row: (-row["InvocationsPerSecond"], row["FunctionName"]))


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    for heading in _COLUMNS:
        is_name = heading == "FUNCTION"
        justify: Any = "left" if is_name else "right"
        table.add_column(
            heading, justify=justify, no_wrap=not is_name, min_width=NARROWEST if is_name else None
        )
    for row in rows:
        errors, throttles = row["ErrorsPerSecond"], row["ThrottlesPerSecond"]
        table.add_row(
            Text(row["FunctionName"], style="green"),
            _rate(row["InvocationsPerSecond"]),
            Text(_rate(errors), style="red" if errors else "dim"),
            Text(_rate(throttles), style="yellow" if throttles else "dim"),
            _rate(row["ColdStartsPerSecond"]),
            _milliseconds(row["P50"]),
            _milliseconds(row["P99"]),
            str(row["Busy"]),
            str(row["Idle"]),
            f"{row['Memory'] / _MEGABYTE:,.0f} MB",
        )
    if not rows:
        table.add_row(Text("nothing has run since the server started", style="dim"))
    return table


def _rate(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == 0 else f"{number:.1f}"


def _milliseconds(number: float | None) -> str:
    return "" if number is None else f"{number:,.1f}"
