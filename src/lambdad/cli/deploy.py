"""`lambdad deploy`: make a function of a directory, a file or a zip, or bring it up to date."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from lambdad.cli.deployment import Deployment, Outcome, Wishes
from lambdad.cli.endpoint import Endpoint
from lambdad.cli.failure import CommandError, ExitCode
from lambdad.cli.ls import size_text
from lambdad.cli.options import client_command
from lambdad.cli.package import Source
from lambdad.cli.screen import Screen


def _read_variables(
    context: click.Context, _: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str] | None:
    for pair in pairs:
        if "=" not in pair:
            raise click.BadParameter(f"{pair!r} is not KEY=VALUE.", context)
    return dict(pair.split("=", 1) for pair in pairs) or None


@client_command("deploy")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", metavar="NAME", help="Function name.  [default: made from PATH]")
@click.option("--handler", metavar="MODULE.FUNCTION", help="Handler.  [default: found in PATH]")
@click.option(
    "--runtime",
    metavar="RUNTIME",
    help="Runtime, such as python3.12.  [default: the newest Python that the server has]",
)
@click.option(
    "--memory", type=int, metavar="MB", help="Memory in megabytes.  [default for a new one: 128]"
)
@click.option("--timeout", type=int, metavar="SECONDS", help="Timeout.  [default for a new one: 3]")
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="KEY=VALUE",
    callback=_read_variables,
    help="Environment variable; may be repeated. All of them are replaced together.",
)
@click.option(
    "--role",
    metavar="ARN",
    help="Execution role.  [default for a new one: arn:aws:iam::000000000000:role/lambdad]",
)
def command(
    endpoint: Endpoint, screen: Screen, path: Path, name: str | None, **options: Any
) -> None:
    """Deploy the function at PATH: a directory, one .py file, or a zip.

    A requirements.txt in the directory is installed into the package, as wheels. A function of
    that name is updated; options that are not given stay as they are.
    """
    try:
        source = Source(path)
        wishes = Wishes(name=name or source.function_name, **options)
        with _progress(screen) as progress:
            outcome = Deployment(endpoint, source, wishes, progress).run()
    except OSError as error:
        raise CommandError(
            f"{error.filename or path}: {error.strerror}.", ExitCode.USAGE, name="InvalidPackage"
        ) from None
    if screen.as_json:
        screen.json(outcome.to_json())
    else:
        _show(screen, outcome)


def _progress(screen: Screen) -> Any:
    """A bar on standard error; nothing is drawn where nobody looks."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=screen.err,
        transient=True,
        disable=screen.as_json or not sys.stderr.isatty(),
    )


def _show(screen: Screen, outcome: Outcome) -> None:
    function = outcome.configuration
    screen.line(f"{outcome.status.capitalize()} {function['FunctionName']}.", style="green")
    details = (
        f"{function['Runtime']} · {function['Handler']} · {function['MemorySize']} MB · "
        f"{function['Timeout']} s · {size_text(function['CodeSize'])}"
    )
    screen.line(f"  {details}")
    screen.line(f"  {function['FunctionArn']}", style="dim")
