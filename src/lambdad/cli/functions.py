"""Functions by name: listing them, completing a name, and saying which one was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, TypeVar

import click

from lambdad.cli.endpoint import Endpoint, error_code
from lambdad.cli.failure import CommandError, ExitCode

_R = TypeVar("_R")

# Completion must not make the shell wait for a server that is not there.
_COMPLETION_TIMEOUT = 0.5


def list_functions(client: Any) -> list[dict[str, Any]]:
    """The configuration of every function, all pages."""
    pages = client.get_paginator("list_functions").paginate()
    return [function for page in pages for function in page["Functions"]]


@contextmanager
def function_named(client: Any, name: str) -> Iterator[None]:
    """Say which names are near when the server does not know `name`."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as error:
        if error_code(error) != "ResourceNotFoundException":
            raise
        raise _unknown_function(client, name) from None


def _unknown_function(client: Any, name: str) -> CommandError:
    names = [function["FunctionName"] for function in list_functions(client)]
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif names:
        hint = "lambdad ls shows those there are."
    else:
        hint = "There are none yet: lambdad deploy makes one."
    return CommandError(
        f"There is no function named {name}. {hint}",
        ExitCode.REFUSED,
        name="ResourceNotFoundException",
    )


def complete_name(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Function names for the shell; none when the server is away."""
    endpoint = Endpoint.choose(context.params.get("endpoint_url"), context.params.get("region"))
    client = endpoint.client(
        "lambda",
        connect_timeout=_COMPLETION_TIMEOUT,
        read_timeout=_COMPLETION_TIMEOUT,
        attempts=1,
    )
    try:
        names = [function["FunctionName"] for function in list_functions(client)]
    except Exception:  # whatever it was, a shell that completes a word cannot show it
        return []
    return [name for name in names if name.startswith(incomplete)]


def name_argument(function: Callable[..., _R]) -> Callable[..., _R]:
    """NAME, completed from the server."""
    return click.argument("name", shell_complete=complete_name)(function)
