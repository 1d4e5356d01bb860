"""`lambdad`: the group of commands, and the place where a command's end becomes an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from lambdad import __version__
from lambdad.cli.failure import CommandError, ExitCode

# Each is a file of this package that holds `command`. A file is read only when its command is
# wanted, so that `lambdad serve` starts without the rest.
COMMANDS = (
    "serve",
    "doctor",
    "runtimes",
    "deploy",
    "invoke",
    "ls",
    "logs",
    "events",
    "top",
    "usage",
    "trace",
    "rm",
    "sign",
    "certificate",
    "completion",
)


class Commands(click.Group):
    """A group whose commands are imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, from its file."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"lambdad.cli.{cmd_name}").command
        return command


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 the function failed, 2 it cannot be done as asked, "
    "3 the server refused, 4 no server answered.",
)
@click.version_option(__version__, prog_name="lambdad", message="%(prog)s %(version)s")
def lambdad() -> None:
    """AWS Lambda on your own machines: unmodified functions, unmodified clients, no Docker."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit with its code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = lambdad.main(arguments, prog_name="lambdad", standalone_mode=False)
        return code if isinstance(code, int) else ExitCode.DONE
    except CommandError as error:
        error.show()
        return error.code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("", err=True)
        return ExitCode.INTERRUPTED
    except SystemExit as end:
        # So do click and rich end when the reader (`head`, say) has gone, with the code 1.
        if isinstance(end.__context__, BrokenPipeError):
            return ExitCode.DONE
        raise
    except Exception as error:  # the last resort: a sentence instead of a traceback
        click.echo(f"lambdad: a bug of lambdad itself: {_where(error)}: {error!r}", err=True)
        return ExitCode.BUG


def _where(error: Exception) -> str:
    """File and line of the innermost frame of ours, for the bug report."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "lambdad" in frame.filename] or frames
    return f"{os.path.basename(ours[-1].filename)}:{ours[-1].lineno}"


if __name__ == "__main__":
    main()
