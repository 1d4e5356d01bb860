"""Ruby: which interpreters this machine has, and how a sandbox runs one."""

from __future__ import annotations

import glob
import os
import re
import subprocess
from collections.abc import Iterable

from lambdad.launcher.interpreters import Interpreter

NEEDED = "apt-get install ruby"
# Ruby asks the locale what the values of variables are encoded in; LANG names one that many
# machines lack.
VARIABLES = {"LC_CTYPE": "C.UTF-8"}

_PLACES = (
    "/usr/bin", "/usr/local/bin", "/opt/ruby*/bin", "/opt/rubies/*/bin", "/opt/homebrew/bin",
    "~/.rbenv/versions/*/bin", "~/.rubies/*/bin", "~/.rvm/rubies/*/bin",
    "~/.asdf/installs/ruby/*/bin", "~/.local/share/mise/installs/ruby/*/bin",
)  # fmt: skip
_PROGRAM = re.compile(r"ruby(\d\.\d+)?")
_QUESTION = "require 'rbconfig'; puts RUBY_ENGINE, RUBY_VERSION, RbConfig::CONFIG['prefix']"
_ANSWER_SECONDS = 10
_OLDEST = (2, 7)  # of what our runtime runs on


def find() -> list[Interpreter]:
    """The newest of each minor version, oldest first."""
    asked = [(path, _ask(path)) for path in sorted(_candidates())]  # all at once
    answers = [_answer(path, question) for path, question in asked if question]
    newest: dict[str, Interpreter] = {}
    for interpreter in sorted(filter(None, answers), key=_key):
        newest[interpreter.name] = interpreter
    return list(newest.values())


def command(executable: str, directory: str, memory_mb: int) -> list[str]:
    """How a sandbox starts the runtime. Ruby's heap has no limit of its own, as on AWS.

    RubyGems and RUBYOPT are left to the runtime, which knows when they are needed.
    """
    return [
        executable,
        "--disable=gems,rubyopt",
        "-EUTF-8",
        os.path.join(directory, "bootstrap.rb"),
    ]


def _candidates() -> set[str]:
    directories = [d for d in os.environ.get("PATH", "").split(os.pathsep) if d]
    for place in _PLACES:
        directories += glob.glob(os.path.expanduser(place))
    return set(_programs(directories))


def _programs(directories: Iterable[str]) -> Iterable[str]:
    for directory in directories:
        for path in glob.glob(os.path.join(glob.escape(directory), "ruby*")):
            is_named_so = _PROGRAM.fullmatch(os.path.basename(path))
            if is_named_so and os.access(path, os.X_OK) and not _is_script(path):
                yield os.path.realpath(path)


def _is_script(path: str) -> bool:
    """Whether it is none of the interpreters, but a version manager's shim."""
    try:
        with open(path, "rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return True


def _ask(path: str) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(  # noqa: S603 - an interpreter that the operator installed
            [path, "--disable=gems", "-e", _QUESTION],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
        )
    except OSError:
        return None  # it looks like a program and is none


def _answer(path: str, question: subprocess.Popen[bytes]) -> Interpreter | None:
    try:
        output, _ = question.communicate(timeout=_ANSWER_SECONDS)
        engine, version, prefix = output.decode().splitlines()
        major, minor = _numbers(version)[:2]
    except (ValueError, subprocess.TimeoutExpired):
        question.kill()
        question.communicate()
        return None
    if engine != "ruby" or (major, minor) < _OLDEST:
        return None
    return Interpreter(f"ruby{major}.{minor}", version, path, prefix)


def _key(interpreter: Interpreter) -> list[int]:
    return _numbers(interpreter.version)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
