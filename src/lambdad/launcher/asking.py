"""Looking for programs, and asking them who they are, without ever running a version manager's
shims: those are scripts, and take long to decide what to run."""

from __future__ import annotations

import glob
import os
import subprocess
from collections.abc import Iterable, Sequence

_ANSWER_SECONDS = 10


def programs_named(name: str, places: Iterable[str]) -> list[str]:
    """The real paths of the programs of this name in the PATH and in `places`, which may be
    patterns; scripts are left out."""
    directories = [d for d in os.environ.get("PATH", "").split(os.pathsep) if d]
    for place in places:
        directories += glob.glob(os.path.expanduser(place))
    paths = {os.path.realpath(os.path.join(directory, name)) for directory in directories}
    return sorted(path for path in paths if is_program(path))


def answers_of(paths: Iterable[str], question: Sequence[str]) -> dict[str, str]:
    """What each program prints when it is started with these arguments; all are asked at once, and
    those that fail, or do not answer in time, are left out."""
    asked = {path: _ask([path, *question]) for path in paths}
    answers = {path: _answer(process) for path, process in asked.items() if process}
    return {path: answer for path, answer in answers.items() if answer is not None}


def is_program(path: str) -> bool:
    """Whether it can be run, and is no script."""
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(2) != b"#!"
    except OSError:
        return False


def _ask(command: Sequence[str]) -> subprocess.Popen[bytes] | None:
    try:
        return subprocess.Popen(  # noqa: S603 - a program that the operator installed
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
        )
    except OSError:
        return None  # it looks like a program and is none


def _answer(process: subprocess.Popen[bytes]) -> str | None:
    try:
        output, _ = process.communicate(timeout=_ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None
    return output.decode(errors="replace") if process.returncode == 0 else None
