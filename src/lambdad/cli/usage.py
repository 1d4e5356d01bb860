"""`lambdad usage`: what every function has used, and what AWS would have charged for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.operator_api import ask
from lambdad.cli.options import client_command
from lambdad.cli.screen import NARROWEST, Screen

_PATH = "/_lambdad/usage"
_COLUMNS = ("FUNCTION", "INVOCATIONS", "ERRORS", "BILLED", "GB-SECONDS", "COST", "CPU", "MEMORY")


@client_command("usage")
@click.option("--days", type=click.IntRange(1, 3650), help="The last days, today included.")
@click.option("--from", "first", metavar="DAY", help="From this day on (2026-11-01, UTC).")
@click.option("--to", "last", metavar="DAY", help="Until this day, which is included.")
def command(
    endpoint: Endpoint, screen: Screen, days: int | None, first: str | None, last: str | None
) -> None:
    """Show what functions have used this month, and what AWS would have charged.

    BILLED is what AWS bills: whole milliseconds, Init included. CPU is what the machine really
    spent, MEMORY the most that was used of what the function may, with a size that would fit
    better. With --json: for each function invocations, billed_duration_ms, gb_seconds and cost.
    """
    if days is not None and first is not None:
        raise click.UsageError("Give --days or --from, not both.")
    if days is not None:
        first = f"{datetime.now(UTC) - timedelta(days=days - 1):%Y-%m-%d}"
    found = ask(endpoint, "GET", _PATH, {"From": first, "To": last})
    if screen.as_json:
        screen.json(_as_json(found))
        return
    if not found["Functions"]:
        screen.note(f"Nothing was invoked from {found['From']} to {found['To']}.")
        return
    screen.show(_table(found["Functions"]))
    screen.note(
        f"From {found['From']} to {found['To']} (UTC). Costs are AWS's list prices, without its "
        "free tier."
    )


def _as_json(found: dict[str, Any]) -> dict[str, Any]:
    functions = {
        each["FunctionName"]: {
            "invocations": each["Invocations"],
            "errors": each["Errors"],
            "billed_duration_ms": each["BilledDuration"],
            "gb_seconds": each["GBSeconds"],
            "cost": each["Cost"],
            "cpu_seconds": each["CPUSeconds"],
            "memory_size_mb": each["MemorySize"],
            "max_memory_used_mb": each["MaxMemoryUsed"],
            "recommended_memory_size_mb": each["RecommendedMemorySize"],
        }
        for each in found["Functions"]
    }
    return {
        "from": found["From"],
        "to": found["To"],
        "currency": found["Currency"],
        "functions": functions,
    }


def _table(functions: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=None, pad_edge=False, collapse_padding=True, header_style="bold", show_footer=True
    )
    footers = ["total", *_totals(functions), "", ""]
    for heading, footer in zip(_COLUMNS, footers, strict=True):
        is_text = heading in ("FUNCTION", "MEMORY")
        justify: Any = "left" if is_text else "right"
        min_width = NARROWEST if is_text else None
        table.add_column(heading, footer, justify=justify, no_wrap=not is_text, min_width=min_width)
    for each in functions:
        table.add_row(
            Text(each["FunctionName"], style="green"),
            f"{each['Invocations']:,}",
            Text(f"{each['Errors']:,}", style="red" if each["Errors"] else "dim"),
            _duration(each["BilledDuration"]),
            f"{each['GBSeconds']:,.3f}",
            _money(each["Cost"]),
            f"{each['CPUSeconds']:,.2f} s",
            _memory(each),
        )
    return table


def _totals(functions: list[dict[str, Any]]) -> list[str]:
    def total(name: str) -> float:
        return float(sum(each[name] for each in functions))

    return [
        f"{total('Invocations'):,.0f}",
        f"{total('Errors'):,.0f}",
        _duration(total("BilledDuration")),
        f"{total('GBSeconds'):,.3f}",
        _money(total("Cost")),
    ]


def _duration(milliseconds: float) -> str:
    return f"{milliseconds:,.0f} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:,.1f} s"


def _money(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 1 else f"${dollars:.6f}"


def _memory(each: dict[str, Any]) -> str:
    text = f"{each['MaxMemoryUsed']} of {each['MemorySize']} MB"
    better = each["RecommendedMemorySize"]
    return f"{text}, {better} would fit" if better else text
