"""`lambdad deploy`: make a function of a directory, a file or a zip, or bring it up to date."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from lambdad.cli.deployment import Deployment, Outcome, Wishes
from lambdad.cli.endpoint import ATTEMPTS, Endpoint
from lambdad.cli.ls import size_text
from lambdad.cli.options import client_command
from lambdad.cli.package import Source, unreadable
from lambdad.cli.public_url import give_url
from lambdad.cli.screen import Screen
from lambdad.cli.steps import OnStep
from lambdad.cli.watch import Watch
from lambdad.cli.watched_files import WatchedFiles
from lambdad.cli.workshop import Workshop

_STEPS = 4  # of a deployment with requirements


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
@click.option("--url", is_flag=True, help="Give it a URL, open to everybody if it is new.")
@click.option(
    "--stream/--no-stream",
    default=None,
    help="With --url: whether an answer is sent as it is written.  [default for a new one: no]",
)
@click.option("--watch", is_flag=True, help="Deploy every change, until Ctrl-C.")
def command(
    endpoint: Endpoint,
    screen: Screen,
    path: Path,
    name: str | None,
    url: bool,
    stream: bool | None,
    watch: bool,
    **options: Any,
) -> None:
    """Deploy the function at PATH: a directory, one .py file, a zip or a jar.

    A requirements.txt in the directory is installed into the package, as wheels. A function of
    that name is updated; options that are not given stay as they are.

    With --url the function gets a URL of its own, which is printed. It takes requests of
    everybody who can reach the server. One that the function has already stays as open, or as
    closed, as it is.

    With --watch the first deployment must succeed; after it, one that fails is told in a line
    and the next change is waited for. With --json each deployment is a document in one line.
    """
    if stream is not None and not url:
        raise click.UsageError("--stream and --no-stream say how a URL answers: add --url.")
    with Workshop() as workshop:
        with unreadable(path):
            files = WatchedFiles(path)  # from before the first deployment: no change is missed
            source = Source(path)
            wishes = Wishes(name=name or source.function_name, **options)
            # A watch makes its own further attempts, and says at once that the server is gone.
            attempts = 1 if watch else ATTEMPTS
            deployment = Deployment(endpoint, wishes, workshop, attempts=attempts)
            with _progress(screen) as on_step:
                outcome = deployment.run(source, on_step)
        if url:
            given = give_url(endpoint.client("lambda"), wishes.name, stream=stream)
            outcome = replace(outcome, url=given["FunctionUrl"])
        _show(screen, outcome, in_one_line=watch)
        if watch:
            Watch(endpoint, screen, deployment, files).run()


@contextmanager
def _progress(screen: Screen) -> Iterator[OnStep]:
    """A bar on standard error; nothing is drawn where nobody looks."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=screen.err,
        transient=True,
        disable=screen.as_json or not sys.stderr.isatty(),
    ) as progress:
        bar = progress.add_task("", total=_STEPS)
        steps: list[str] = []

        def on_step(step: str, share: float = 0.0) -> None:
            if step not in steps:
                steps.append(step)
            progress.update(bar, description=step, completed=len(steps) - 1 + share)

        yield on_step


def _show(screen: Screen, outcome: Outcome, *, in_one_line: bool) -> None:
    if screen.as_json:
        (screen.json_line if in_one_line else screen.json)(outcome.to_json())
        return
    function = outcome.configuration
    screen.line(f"{outcome.status.capitalize()} {function['FunctionName']}.", style="green")
    details = (
        f"{function['Runtime']} · {function['Handler']} · {function['MemorySize']} MB · "
        f"{function['Timeout']} s · {size_text(function['CodeSize'])}"
    )
    screen.line(f"  {details}")
    screen.line(f"  {function['FunctionArn']}", style="dim")
    if outcome.url:
        screen.line(f"  {outcome.url}")
