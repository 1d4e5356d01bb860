"""What this machine has to run functions with."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lambdad.launcher.interpreters import Interpreter, find_interpreters, is_readable_by_all
from lambdad.launcher.languages import Installed, find_languages


@dataclass(frozen=True)
class Present:
    """By runtime identifier: the Pythons, oldest first, and what there is of other languages."""

    pythons: dict[str, Interpreter]
    languages: dict[str, Installed]

    def others(self) -> dict[str, Interpreter]:
        """The interpreters of other languages than Python."""
        return {name: installed.interpreter for name, installed in self.languages.items()}

    def all(self) -> dict[str, Interpreter]:
        """The interpreters of every language."""
        return {**self.pythons, **self.others()}


def find_present(*, readable_by_all: bool = False) -> Present:
    """Look for everything at once; see `find_interpreters` for what it takes to be readable."""
    with ThreadPoolExecutor(1) as thread:
        languages = thread.submit(find_languages)
        pythons = find_interpreters(readable_by_all=readable_by_all)
    return Present(
        pythons,
        {
            name: installed
            for name, installed in languages.result().items()
            if not readable_by_all or is_readable_by_all(installed.interpreter.executable)
        },
    )
