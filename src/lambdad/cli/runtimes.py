"""`lambdad runtimes`: the languages that the server has, and what brings the others."""

from __future__ import annotations

from typing import Any

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.operator_api import ask
from lambdad.cli.options import client_command
from lambdad.cli.screen import Screen

_PATH = "/_lambdad/runtimes"


@client_command("runtimes")
def command(endpoint: Endpoint, screen: Screen) -> None:
    """Show which runtimes the server has: versions, where, and whose functions they run.

    The nearest version of a language stands in for one that is not there.
    """
    found = ask(endpoint, "GET", _PATH, {})
    if screen.as_json:
        screen.json(found)
        return
    screen.show(_table(found["Runtimes"]))
    for language in found["Missing"]:
        screen.note(f"{language['Language']} is not here: {language['Install']}", "yellow")


def _table(runtimes: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    for heading in ("RUNTIME", "VERSION", "SERVES", "EXECUTABLE"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("RUNTIME", "VERSION"))
    for each in runtimes:
        table.add_row(
            Text(each["Runtime"], style="green"),
            each.get("Version", ""),
            Text(", ".join(each["Serves"])),
            Text(each.get("Executable", "the function's own bootstrap")),
        )
    return table
