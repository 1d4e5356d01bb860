"""Runtimes: which interpreters a machine has, and which of them runs a function."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

OS_ONLY = "provided"
NODEJS, RUBY, JAVA, DOTNET = "nodejs", "ruby", "java", "dotnet"
# Of python3.12 the family is python3, of which it is 12; of nodejs22.x nodejs, of which it is 22;
# java8.al2 is java, 8; dotnetcore3.1 is dotnet, 3.1.
_IDENTIFIER = re.compile(
    r"(?P<family>python\d+|nodejs|ruby|java|dotnet)(core)?\.?(?P<number>\d+(\.\d+)?)"
    r"(\.x|\.al\d+|-edge)?"
)
_PYTHON = re.compile(r"python\d+\.\d+")
# What brings a language to a machine, for people.
_INSTALL = {
    "python": ("Python", "apt-get install python3"),
    NODEJS: ("Node.js", "apt-get install nodejs"),
    RUBY: ("Ruby", "apt-get install ruby"),
    JAVA: ("Java", "apt-get install openjdk-17-jdk-headless"),
    DOTNET: (".NET", "install the .NET SDK"),
}


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


def say_missing(runtime: str, present: Sequence[Interpreter]) -> str:
    """Tell people that a runtime is not here, what is, and what brings it."""
    there = ", ".join(interpreter.name for interpreter in present) or "none"
    if sandbox_maker(present) is None:
        return f"No function can run without Python 3.9 or newer here ({_INSTALL['python'][1]})."
    sentences = f"The runtime {runtime} is not on this machine. Those that are: {there}."
    if any(family_of(each.name) == family_of(runtime) for each in present):
        return f"{sentences} With runtimes=nearest the nearest version runs instead."
    how = next(how for name, (_, how) in _INSTALL.items() if runtime.startswith(name))
    return f"{sentences} To have it: {how}; then start the server again."


def missing_languages(present: Sequence[Interpreter]) -> dict[str, str]:
    """The languages that are not here by any version, and what brings them."""
    names = [each.name for each in present]
    return {
        language: how
        for prefix, (language, how) in _INSTALL.items()
        if not any(name.startswith(prefix) for name in names)
    }


def is_os_only(runtime: str) -> bool:
    """Whether functions of this runtime bring their own, a program called `bootstrap`: AWS's
    provided.al2 and provided.al2023."""
    return runtime.partition(".")[0] == OS_ONLY


def is_python(runtime: str) -> bool:
    """Whether functions of this runtime are Python."""
    return _PYTHON.fullmatch(runtime) is not None


def family_of(runtime: str) -> str:
    """What its neighbours by version have in common with a runtime: `nodejs`; "" for none."""
    parsed = _parse(runtime)
    return parsed[0] if parsed else ""


def sandbox_maker(present: Sequence[Interpreter]) -> Interpreter | None:
    """The interpreter out of which sandboxes are made for programs of other languages: the newest
    Python, as `present` is in order."""
    return next((each for each in reversed(present) if is_python(each.name)), None)


def _parse(identifier: str) -> tuple[str, int] | None:
    """The family, and a number that grows with the version: 3.11 is 311."""
    match = _IDENTIFIER.fullmatch(identifier)
    if match is None:
        return None
    major, _, minor = match["number"].partition(".")
    return match["family"], int(major) * 100 + int(minor or 0)
