"""Ruby: which interpreters this machine has, and how a sandbox runs one."""

from __future__ import annotations

import os
import re
from pathlib import Path

from lambdad.launcher.asking import answers_of, programs_named
from lambdad.launcher.interpreters import Interpreter, version_of

# Ruby asks the locale what the values of variables are encoded in; LANG names one that many
# machines lack.
VARIABLES = {"LC_CTYPE": "C.UTF-8"}
# Where Debian has gems of its own.
TREES = ("/usr/share/rubygems-integration", "/usr/share/ruby*", "/var/lib/gems")

_PLACES = (
    "/usr/bin", "/usr/local/bin", "/opt/ruby*/bin", "/opt/rubies/*/bin", "/opt/homebrew/bin",
    "~/.rbenv/versions/*/bin", "~/.rubies/*/bin", "~/.rvm/rubies/*/bin",
    "~/.asdf/installs/ruby/*/bin", "~/.local/share/mise/installs/ruby/*/bin",
)  # fmt: skip
_SUFFIXES = ("2.7", "3.0", "3.1", "3.2", "3.3", "3.4", "4.0")
_VERSION = re.compile(r"(\d+)\.(\d+)\.")
# RubyGems and RUBYOPT are left to the runtime, which knows when they are needed.
_OPTIONS = ("--disable=gems,rubyopt", "-EUTF-8")
_SANDBOXES_DIRECTORY = "/var/runtime"
_QUESTION = "require 'rbconfig'; puts RUBY_ENGINE, RUBY_VERSION, RbConfig::CONFIG['prefix']"
_OLDEST = (2, 7)  # of what our runtime runs on
_FIRST_WITH_A_THREAD = [3, 3]  # of its own, that the interpreter starts again after every fork


def find() -> list[Interpreter]:
    """The Rubies of this machine that our runtime runs on."""
    answers = answers_of(_candidates(), ["--disable=gems", "-e", _QUESTION])
    found = [_interpreter(path, answer) for path, answer in answers.items()]
    return [interpreter for interpreter in found if interpreter]


def command(executable: str, directory: str, memory_mb: int) -> list[str]:
    """How a sandbox starts the runtime. Ruby's heap has no limit of its own, as on AWS."""
    return [executable, *_OPTIONS, os.path.join(directory, "bootstrap.rb")]


def build(interpreter: Interpreter, directory: Path, seen_at: str = _SANDBOXES_DIRECTORY) -> None:
    """Compile the runtime in `directory`, which sandboxes see at `seen_at`. That only saves time,
    and is left out where Ruby cannot do it, or cannot load what it has made."""
    load = ["-r", f"{directory}/compiled.rb", "-e", "exit LambdadRuntime::Compiled.load"]
    for step in ([f"{directory}/compile.rb", seen_at], load):
        if not answers_of([interpreter.executable], [*_OPTIONS, *step]):
            (directory / "runtime.bin").unlink(missing_ok=True)
            return


def can_fork(interpreter: Interpreter) -> bool:
    """Whether a process of it has one thread only: what a fork has given up is given up by one."""
    return version_of(interpreter) < _FIRST_WITH_A_THREAD


def _candidates() -> list[str]:
    """`ruby`, and the names that distributions give to several of them."""
    names = ["ruby", *(f"ruby{version}" for version in _SUFFIXES)]
    return sorted({path for name in names for path in programs_named(name, _PLACES)})


def _interpreter(path: str, answer: str) -> Interpreter | None:
    engine, version, prefix = [*answer.splitlines(), "", "", ""][:3]
    numbers = _VERSION.match(version)
    if engine != "ruby" or numbers is None:
        return None
    major, minor = int(numbers[1]), int(numbers[2])
    if (major, minor) < _OLDEST:
        return None
    return Interpreter(f"ruby{major}.{minor}", version, path, prefix)
