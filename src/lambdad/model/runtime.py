"""Runtimes: which interpreters a machine has, and which of them runs a function."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

OS_ONLY = "provided"
_IDENTIFIER = re.compile(r"^(?P<family>[a-z]+)(?P<major>\d+)\.(?P<minor>\d+)$")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A language's interpreter on this machine, under the name of the runtime that it serves."""

    name: str  # the runtime identifier: python3.11
    version: str  # in full: 3.11.7
    executable: str  # absolute path


def choose_runtime(asked: str, present: Sequence[Interpreter], strict: bool) -> Interpreter | None:
    """POLICY: the interpreter that runs functions of the runtime `asked`.

    It is the one asked for; else the nearest by minor version, the newer one when two are equally
    near. None when nothing of that family is present, or when `strict` forbids to stand in. For a
    runtime that functions bring along, any will do: it makes the sandbox, and no more.
    """
    if is_os_only(asked):
        return present[-1] if present else None
    for interpreter in present:
        if interpreter.name == asked:
            return interpreter
    wanted = _parse(asked)
    if strict or wanted is None:
        return None
    family, minor = wanted
    near = [
        (abs(other - minor), -other, interpreter)
        for interpreter in present
        for its_family, other in [_parse(interpreter.name) or ("", 0)]
        if its_family == family
    ]
    return min(near, key=lambda each: each[:2])[2] if near else None


def is_os_only(runtime: str) -> bool:
    """Whether functions of this runtime bring their own, a program called `bootstrap`: AWS's
    provided.al2 and provided.al2023."""
    return runtime.partition(".")[0] == OS_ONLY


def _parse(identifier: str) -> tuple[str, int] | None:
    """`python3.11` as its family `python3` and its minor version."""
    match = _IDENTIFIER.match(identifier)
    return (match["family"] + match["major"], int(match["minor"])) if match else None
