"""What every client command has in common: its options, and how its failures are told."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from lambdad.cli.endpoint import Endpoint
from lambdad.cli.failure import CommandError
from lambdad.cli.screen import Screen

_OPTIONS = (
    click.option(
        "--endpoint-url",
        metavar="URL",
        help="Server to talk to.  [$AWS_ENDPOINT_URL; default: http://127.0.0.1:4566]",
    ),
    click.option(
        "--region",
        metavar="REGION",
        help="Region to work in.  [$AWS_REGION, $AWS_DEFAULT_REGION; default: us-east-1]",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON document, nothing else."),
)


def client_command(name: str) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a command of a function that takes `endpoint` and `screen` before its own parameters.

    The function returns its exit code, or None for 0.
    """
    return lambda function: click.command(name)(_with_options(function))


def client_group(name: str) -> Callable[[Callable[..., int | None]], click.Group]:
    """The same for a group of commands, which does something without one."""
    return lambda function: click.group(name, invoke_without_command=True)(_with_options(function))


def _with_options(function: Callable[..., int | None]) -> Callable[..., int]:
    @wraps(function)
    def run(endpoint_url: str | None, region: str | None, as_json: bool, **rest: Any) -> int:
        endpoint, screen = Endpoint.choose(endpoint_url, region), Screen(as_json=as_json)
        try:
            with endpoint.failures():
                return function(endpoint, screen, **rest) or 0
        except CommandError as error:
            if as_json:
                screen.json(error.to_json())
            raise

    callback: Callable[..., int] = run
    for option in reversed(_OPTIONS):
        callback = option(callback)
    return callback
