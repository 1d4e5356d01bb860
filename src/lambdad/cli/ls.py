"""`lambdad ls`: the functions there are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.functions import list_functions
from lambdad.cli.options import client_command
from lambdad.cli.screen import Screen

_STYLES = {"Active": "green", "Failed": "red"}


@client_command("ls")
def command(endpoint: Endpoint, screen: Screen) -> None:
    """List the functions."""
    client = endpoint.client("lambda")
    functions = [_with_state(client, function) for function in list_functions(client)]
    if screen.as_json:
        screen.json({"Functions": functions})
    elif functions:
        screen.show(_table(functions))
    else:
        screen.note("There are no functions yet: lambdad deploy PATH makes one.")


def _with_state(client: Any, function: dict[str, Any]) -> dict[str, Any]:
    """ListFunctions leaves the state out, as on AWS, so it is asked for."""
    if "State" in function:
        return function
    configuration = client.get_function_configuration(FunctionName=function["FunctionName"])
    return {**function, "State": configuration.get("State", "")}


def _table(functions: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("NAME", overflow="fold")
    table.add_column("RUNTIME", no_wrap=True)
    table.add_column("HANDLER", overflow="fold")
    for heading in ("MEMORY", "TIMEOUT", "STATE", "SIZE", "MODIFIED"):
        table.add_column(heading, justify="left" if heading == "STATE" else "right", no_wrap=True)
    for function in functions:
        state = function["State"]
        table.add_row(
            Text(function["FunctionName"]),
            Text(function.get("Runtime", "")),
            Text(function.get("Handler", "")),
            f"{function['MemorySize']} MB",
            f"{function['Timeout']} s",
            Text(state, style=_STYLES.get(state, "yellow")),
            size_text(function["CodeSize"]),
            _modified(function["LastModified"]),
        )
    return table


def size_text(size: int) -> str:
    """A size in bytes, as people read it."""
    if size < 1024:
        return f"{size} B"
    if size < 1024 * 1024:
        return f"{size / 1024:.1f} KB"
    return f"{size / 1024 / 1024:.1f} MB"


def _modified(last_modified: str) -> str:
    moment = datetime.strptime(last_modified, "%Y-%m-%dT%H:%M:%S.%f%z")
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")
