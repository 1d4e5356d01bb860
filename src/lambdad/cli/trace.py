"""`lambdad trace`: where the time of one request went, on one time line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.operator_api import ask
from lambdad.cli.options import client_command
from lambdad.cli.screen import Screen, visible

_PATH = "/_lambdad/trace"
_WIDTH = 50  # characters of the time line
_STYLES = {"queue": "yellow", "init": "magenta", "invoke": "green"}


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of time, in milliseconds since the request was accepted."""

    name: str
    start_ms: float
    end_ms: float
    style: str = "cyan"
    note: str = ""


@client_command("trace")
@click.argument("request_id")
def command(endpoint: Endpoint, screen: Screen, request_id: str) -> None:
    """Show where the time of a request went: queue, init and invoke, on one time line.

    queue is the time until there was an environment for it, init a cold start, invoke what REPORT
    calls Duration. An event has these for each try. What the function itself told X-Ray stands
    below. With --json: for each try accepted_at, began_at, ended_at, duration_ms and the others.
    """
    found = ask(endpoint, "GET", _PATH, {"RequestId": request_id})
    if screen.as_json:
        screen.json(_as_json(found))
        return
    tries = found["Invocations"]
    screen.show(_table(list(_bars(tries)), _heading(tries[0])))
    for each in tries:
        screen.note(f"Log stream: {each['LogStream']}")


def _as_json(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "request_id": found["RequestId"],
        "invocations": [
            {
                "function_name": each["FunctionName"],
                "version": each["Version"],
                "attempt": each["Attempt"],
                "accepted_at": each["AcceptedAt"],
                "began_at": each["BeganAt"],
                "ended_at": each["EndedAt"],
                "queue_ms": round((each["BeganAt"] - each["AcceptedAt"]) * 1000, 3),
                "init_duration_ms": each["InitDuration"],
                "duration_ms": each["Duration"],
                "billed_duration_ms": each["BilledDuration"],
                "error_type": each["ErrorType"] or None,
                "trace_header": each["TraceHeader"],
                "log_stream": each["LogStream"],
                "subsegments": [
                    {
                        "name": part["Name"],
                        "depth": part["Depth"],
                        "start_time": part["StartTime"],
                        "end_time": part["EndTime"],
                        "has_fault": part["HasFault"],
                    }
                    for part in each["Subsegments"]
                ],
            }
            for each in found["Invocations"]
        ],
    }


def _heading(first: dict[str, Any]) -> str:
    return f"{first['FunctionName']}:{first['Version']}"


def _bars(tries: list[dict[str, Any]]) -> Iterator[Bar]:
    """Of every try: how long it waited since the last one, its Init, its Invoke phase."""
    origin = waited_from = tries[0]["AcceptedAt"]

    def since(moment: float) -> float:
        return float(max(0.0, (moment - origin) * 1000))

    for each in tries:
        invoke_at = each["EndedAt"] - each["Duration"] / 1000
        attempt = f"attempt {each['Attempt']}" if each["Attempt"] else ""
        yield Bar("queue", since(waited_from), since(each["BeganAt"]), _STYLES["queue"], attempt)
        if each["InitDuration"] is not None:
            note = f"Init Duration {_duration(each['InitDuration'])}"
            yield Bar("init", since(each["BeganAt"]), since(invoke_at), _STYLES["init"], note)
        style = "red" if each["ErrorType"] else _STYLES["invoke"]
        yield Bar("invoke", since(invoke_at), since(each["EndedAt"]), style, each["ErrorType"])
        for part in each["Subsegments"]:
            end = each["EndedAt"] if part["EndTime"] is None else part["EndTime"]
            name = "  " * (part["Depth"] + 1) + part["Name"]
            style = "red" if part["HasFault"] else "cyan"
            yield Bar(name, since(part["StartTime"]), since(end), style)
        waited_from = each["EndedAt"]


def _table(bars: list[Bar], heading: str) -> Any:
    from rich.table import Table
    from rich.text import Text

    whole = max(max((bar.end_ms for bar in bars), default=0.0), 0.001)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(heading, no_wrap=True)
    table.add_column(f"{_duration(whole)} in all", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("")
    for bar in bars:
        table.add_row(
            Text(visible(bar.name)),
            Text(drawn(bar, whole), style=bar.style),
            _duration(max(0.0, bar.end_ms - bar.start_ms)),
            Text(visible(bar.note), style="dim"),
        )
    return table


def drawn(bar: Bar, whole_ms: float, width: int = _WIDTH) -> str:
    """A bar at its place; the shortest is a thin line."""
    start = min(int(bar.start_ms / whole_ms * width), width - 1)
    length = round((bar.end_ms - bar.start_ms) / whole_ms * width)
    shape = "█" * min(length, width - start) if length > 0 else "▏"
    return (" " * start + shape).ljust(width)


def _duration(milliseconds: float) -> str:
    if milliseconds < 10_000:
        return f"{milliseconds:,.2f} ms"
    return f"{milliseconds / 1000:,.2f} s"
