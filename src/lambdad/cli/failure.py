"""How a command ends: its exit code, and the sentence that says why.

0    done
1    the function failed (invoke)
2    what was asked cannot be done: arguments, settings, or a package that cannot be built;
     doctor: no sandbox isolates on this machine
3    the server refused, with an AWS error
4    no server answered
70   a bug of lambdad itself
130  interrupted (Ctrl-C)
"""

from __future__ import annotations

from enum import IntEnum
from typing import IO, Any

import click


class ExitCode(IntEnum):
    """What scripts can rely on."""

    DONE = 0
    FUNCTION_ERROR = 1
    USAGE = 2
    REFUSED = 3
    UNREACHABLE = 4
    BUG = 70
    INTERRUPTED = 130


class CommandError(click.ClickException):
    """A command that ends with a sentence and a code; never with a traceback.

    `name` is the word for it in `--json` output: the AWS error code where there is one.
    """

    def __init__(self, message: str, code: ExitCode, *, name: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.name = name or code.name.title().replace("_", "")

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the sentence to standard error."""
        click.echo(f"lambdad: {self.format_message()}", file=file, err=file is None)

    def to_json(self) -> dict[str, Any]:
        """What `--json` prints instead of a result."""
        return {"Error": {"Code": self.name, "Message": self.message}}
