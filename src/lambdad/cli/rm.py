"""`lambdad rm`: delete a function."""

from __future__ import annotations

import sys

import click

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.functions import function_named, name_argument
from lambdad.cli.options import client_command
from lambdad.cli.screen import Screen


@client_command("rm")
@name_argument
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def command(endpoint: Endpoint, screen: Screen, name: str, yes: bool) -> None:
    """Delete a function and its code."""
    client = endpoint.client("lambda")
    if not yes:
        with function_named(client, name):
            client.get_function_configuration(FunctionName=name)
        _confirm(screen, name)
    with function_named(client, name):
        client.delete_function(FunctionName=name)
    if screen.as_json:
        screen.json({"FunctionName": name, "Status": "deleted"})
    else:
        screen.line(f"Deleted {name}.")


def _confirm(screen: Screen, name: str) -> None:
    if screen.as_json or not sys.stdin.isatty():
        raise click.UsageError(f"Nobody is there to ask. Add --yes to delete {name}.")
    click.confirm(f"Delete {name}?", abort=True, err=True)
