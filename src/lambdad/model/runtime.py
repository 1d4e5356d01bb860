"""Runtimes: which interpreters a machine has, and which of them runs a function."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

OS_ONLY = "provided"
NODEJS = "nodejs"
# python3.12: the family python3, of which 12 is one; nodejs22.x: nodejs, of which 22 is one.
_PYTHON = re.compile(r"(?P<family>python\d+)\.(?P<number>\d+)")
_NODEJS = re.compile(r"(?P<family>nodejs)(?P<number>\d+)\.x")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A language's interpreter on this machine, under the name of the runtime that it serves."""

    name: str  # the runtime identifier: python3.11
    version: str  # in full: 3.11.7
    executable: str  # absolute path


def choose_runtime(asked: str, present: Sequence[Interpreter], strict: bool) -> Interpreter | None:
    """POLICY: the interpreter that runs functions of the runtime `asked`.

    It is the one asked for; else the nearest by version, the newer one when two are equally near.
    None when nothing of that family is present, or when `strict` forbids to stand in. A runtime
    that functions bring along needs no more than a sandbox.
    """
    if is_os_only(asked):
        return sandbox_maker(present)
    for interpreter in present:
        if interpreter.name == asked:
            return interpreter
    wanted = _parse(asked)
    if strict or wanted is None:
        return None
    family, number = wanted
    near = [
        (abs(other - number), -other, interpreter)
        for interpreter in present
        for its_family, other in [_parse(interpreter.name) or ("", 0)]
        if its_family == family
    ]
    return min(near, key=lambda each: each[:2])[2] if near else None


def is_os_only(runtime: str) -> bool:
    """Whether functions of this runtime bring their own, a program called `bootstrap`: AWS's
    provided.al2 and provided.al2023."""
    return runtime.partition(".")[0] == OS_ONLY


def is_python(runtime: str) -> bool:
    """Whether functions of this runtime are Python."""
    return _PYTHON.fullmatch(runtime) is not None


def sandbox_maker(present: Sequence[Interpreter]) -> Interpreter | None:
    """The interpreter out of which sandboxes are made for programs of other languages: the newest
    Python, as `present` is in order."""
    return next((each for each in reversed(present) if is_python(each.name)), None)


def _parse(identifier: str) -> tuple[str, int] | None:
    """`python3.11` as `python3` and 11, `nodejs22.x` as `nodejs` and 22."""
    match = _PYTHON.fullmatch(identifier) or _NODEJS.fullmatch(identifier)
    return (match["family"], int(match["number"])) if match else None
