"""The Python interpreters that this machine has, found without ever running a version manager's
shims: those are scripts that take a tenth of a second to decide which program to run."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lambdad.launcher.asking import answers_of, is_program

VERSIONS = tuple(f"python3.{minor}" for minor in range(9, 15))
_PLACES = (
    "/usr/bin", "/usr/local/bin", "/opt/python*/bin", "/opt/python/*/bin",
    "~/.pyenv/versions/*/bin", "~/.local/share/uv/python/*/bin", "~/.asdf/installs/python/*/bin",
    "~/.local/share/mise/installs/python/*/bin", "/opt/homebrew/bin",
)  # fmt: skip
_QUESTION = (
    "import sys, _ctypes, _socket;"  # a few builds lack one, and cannot make a sandbox then
    "print('%d.%d.%d' % sys.version_info[:3]); print(sys.base_prefix)"
)


@dataclass(frozen=True)
class Interpreter:
    """A language's interpreter: `name` is the runtime identifier that it serves (`python3.12`),
    `version` the full one, `prefix` the tree that it is installed in."""

    name: str
    version: str
    executable: str
    prefix: str


def find_interpreters(*, readable_by_all: bool = False) -> dict[str, Interpreter]:
    """By runtime identifier, the newest of each minor version that works; only those that a user
    without rights can run, when `readable_by_all` asks for it."""
    candidates = sorted(_candidates())
    if readable_by_all:
        candidates = [(name, path) for name, path in candidates if is_readable_by_all(path)]
    answers = answers_of({path for _, path in candidates}, ["-I", "-S", "-c", _QUESTION])
    found: dict[str, Interpreter] = {}
    for name, path in candidates:
        interpreter = _interpreter(name, path, answers.get(path, ""))
        if interpreter and _is_better(interpreter, found.get(name)):
            found[name] = interpreter
    return found


def newest_python(interpreters: Mapping[str, Interpreter]) -> Interpreter | None:
    """The one that makes sandboxes for programs of other languages."""
    return max(interpreters.values(), key=version_of, default=None)


def version_of(interpreter: Interpreter) -> list[int]:
    """Its version, in a form that can be compared; of a preview, all numbers in it."""
    return [int(number) for number in re.findall(r"\d+", interpreter.version)]


def is_readable_by_all(path: str) -> bool:
    """Whether a user without rights can reach and read `path`."""
    try:
        if not os.stat(path).st_mode & 0o004:
            return False
        return all(os.stat(directory).st_mode & 0o001 for directory in Path(path).parents)
    except OSError:
        return False


def _candidates() -> set[tuple[str, str]]:
    directories = [d for d in os.environ.get("PATH", "").split(os.pathsep) if d]
    for place in _PLACES:
        directories += glob.glob(os.path.expanduser(place))
    directories.append(os.path.join(sys.base_prefix, "bin"))
    return set(_programs(directories))


def _programs(directories: Iterable[str]) -> Iterable[tuple[str, str]]:
    for directory in directories:
        for name in VERSIONS:
            path = os.path.realpath(os.path.join(directory, name))
            if is_program(path):
                yield name, path


def _interpreter(name: str, path: str, answer: str) -> Interpreter | None:
    try:
        version, prefix = answer.splitlines()
    except ValueError:
        return None  # it looks like an interpreter and is none
    return Interpreter(name, version, path, prefix)


def _is_better(new: Interpreter, old: Interpreter | None) -> bool:
    return old is None or version_of(new) > version_of(old)
