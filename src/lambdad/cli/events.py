"""`lambdad events`: what is queued, retrying and dead of asynchronous invocations."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

import click

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.operator_api import ask
from lambdad.cli.options import client_command, client_group
from lambdad.cli.screen import Screen, visible

_PATH = "/_lambdad/events"
_SHOWN_OF_ERROR = 100
_NUMBERS = ("Queued", "Running", "Retrying", "Dead")


@client_group("events")
def command(endpoint: Endpoint, screen: Screen) -> None:
    """Show the events of asynchronous invocations: queued, running, retrying, dead, by function.

    A dead event was given up, and no destination or dead-letter queue has taken it yet.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    found = ask(endpoint, "GET", _PATH, {})
    if screen.as_json:
        screen.json(found)
        return
    if found["Paused"]:
        screen.note("Events are paused: `lambdad events resume` runs them again.", "yellow")
    if found["Functions"]:
        screen.show(_overview(found["Functions"]))
    else:
        screen.note("No events are queued, and none are dead.")


@client_command("dead")
@click.argument("function", required=False)
@click.option(
    "--limit",
    default=100,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="How many at most, the latest first.",
)
def dead(endpoint: Endpoint, screen: Screen, function: str | None, limit: int) -> None:
    """List dead events, of one FUNCTION or of all."""
    query = {"FunctionName": function, "MaxItems": limit}
    found = ask(endpoint, "GET", f"{_PATH}/dead", query)
    if screen.as_json:
        screen.json(found)
    elif found["Events"]:
        screen.show(_dead_table(found["Events"]))
    else:
        screen.note("There are no dead events.")


@client_command("replay")
@click.argument("request_id")
def replay(endpoint: Endpoint, screen: Screen, request_id: str) -> None:
    """Queue a dead event again as if it had just been accepted: its age and tries begin anew."""
    answer = ask(endpoint, "POST", f"{_PATH}/replay", {"RequestId": request_id})
    if screen.as_json:
        screen.json(answer)
    else:
        screen.line(f"Queued {request_id} again for {answer['FunctionName']}.")


@client_command("purge")
@click.argument("function")
@click.option("--dead", "which", flag_value="dead", help="Forget the dead events.")
@click.option("--queued", "which", flag_value="queued", help="Forget those that wait or retry.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def purge(endpoint: Endpoint, screen: Screen, function: str, which: str | None, yes: bool) -> None:
    """Forget the events of a FUNCTION for good: the dead ones, or those that are queued."""
    if which is None:
        raise click.UsageError("Say which events to forget: --dead or --queued.")
    if not yes:
        _confirm(screen, function, which)
    query = {"FunctionName": function, "Which": which}
    answer = ask(endpoint, "POST", f"{_PATH}/purge", query)
    if screen.as_json:
        screen.json(answer)
    else:
        screen.line(f"Purged {answer['Purged']} {which} events of {function}.")


@client_command("pause")
def pause(endpoint: Endpoint, screen: Screen) -> None:
    """Run no more events, of any account, until `resume` or the next start; they are still
    accepted."""
    _switch(endpoint, screen, "pause", "Events are paused: they are accepted, and not run.")


@client_command("resume")
def resume(endpoint: Endpoint, screen: Screen) -> None:
    """Run events again."""
    _switch(endpoint, screen, "resume", "Events run again.")


def _switch(endpoint: Endpoint, screen: Screen, what: str, sentence: str) -> None:
    answer = ask(endpoint, "POST", f"{_PATH}/{what}", {})
    if screen.as_json:
        screen.json(answer)
    else:
        screen.line(sentence)


def _confirm(screen: Screen, function: str, which: str) -> None:
    if screen.as_json or not sys.stdin.isatty():
        raise click.UsageError(f"Nobody is there to ask. Add --yes to purge events of {function}.")
    click.confirm(f"Forget all {which} events of {function}?", abort=True, err=True)


def _overview(functions: list[dict[str, Any]]) -> Any:
    table = _table()
    table.add_column("FUNCTION", overflow="fold")
    for heading in (*_NUMBERS, "OLDEST"):
        table.add_column(heading.upper(), justify="right", no_wrap=True)
    for each in functions:
        numbers = [str(each[name]) if each[name] else "-" for name in _NUMBERS]
        dead = f"[red]{numbers[-1]}[/red]" if each["Dead"] else numbers[-1]
        table.add_row(each["FunctionName"], *numbers[:-1], dead, _age(each["OldestAgeInSeconds"]))
    return table


def _dead_table(events: list[dict[str, Any]]) -> Any:
    from rich.text import Text

    table = _table()
    for heading in ("REQUEST ID", "FUNCTION", "DIED", "TRIES", "CONDITION"):
        table.add_column(heading, no_wrap=True)
    table.add_column("ERROR", overflow="fold")
    for each in events:
        died = datetime.fromtimestamp(each["DiedAt"], UTC).astimezone()
        error = each["Error"]
        shown = error if len(error) <= _SHOWN_OF_ERROR else f"{error[:_SHOWN_OF_ERROR]}…"
        table.add_row(
            each["RequestId"],
            each["FunctionName"],
            died.strftime("%Y-%m-%d %H:%M:%S"),
            str(each["Tries"]),
            each["Condition"],
            Text(visible(shown)),
        )
    return table


def _table() -> Any:
    from rich.table import Table

    return Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")


def _age(seconds: float | None) -> str:
    """An age as people read it: 0.4 s, 3 min, 2 h."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


for each in (dead, replay, purge, pause, resume):
    command.add_command(each)
