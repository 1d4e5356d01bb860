"""`lambdad serve`: read the settings, then become the launcher.

Nothing heavy is imported here. The config goes to the launcher in a descriptor that it inherits, so
that no setting shows in the process table.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import click

from lambdad.cli.failure import CommandError, ExitCode
from lambdad.config import SETTINGS, Config, Setting
from lambdad.errors import SettingsError


def _option_for(setting: Setting) -> Callable[[Any], Any]:
    """The flag that gives `setting`. Its default stays None: the table knows the real one."""
    help_text = f"{setting.help}  [${setting.variable}; default: {setting.default}]"
    if setting.is_switch:
        off = f"--no-{setting.flag.removeprefix('--')}"
        return click.option(f"{setting.flag}/{off}", setting.name, default=None, help=help_text)
    return click.option(setting.flag, setting.name, metavar=setting.metavar, help=help_text)


def _setting_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for setting in reversed(SETTINGS):
        function = _option_for(setting)(function)
    return function


def _text(value: str | bool | None) -> str | None:
    return str(value).lower() if isinstance(value, bool) else value


@click.command("serve")
@_setting_options
def command(**flags: str | bool | None) -> NoReturn:
    """Run the server until SIGTERM or Ctrl-C."""
    try:
        config = Config.load({name: _text(value) for name, value in flags.items()}, os.environ)
    except SettingsError as error:
        raise CommandError(str(error), ExitCode.USAGE, name="SettingsError") from None
    descriptor = config.to_descriptor()
    os.set_inheritable(descriptor, True)
    # -P: the working directory may be anybody's, and the launcher may be root.
    launcher = [sys.executable, "-P", "-m", "lambdad.launcher.main", str(descriptor)]
    os.execv(sys.executable, launcher)  # noqa: S606 - our own interpreter, no shell
