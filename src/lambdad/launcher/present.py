"""What this machine has to run functions with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from lambdad.launcher.interpreters import Interpreter, find_interpreters, is_readable_by_all
from lambdad.launcher.languages import Installed, find_languages


@dataclass(frozen=True)
class Present:
    """By runtime identifier: the Pythons, oldest first, and what there is of other languages.

    Those are looked for when they are first asked for: a JVM takes its time to say who it is.
    """

    pythons: dict[str, Interpreter]
    readable_by_all: bool

    @cached_property
    def languages(self) -> dict[str, Installed]:
        """The other languages."""
        return {
            name: installed
            for name, installed in find_languages().items()
            if not self.readable_by_all or is_readable_by_all(installed.interpreter.executable)
        }

    def others(self) -> dict[str, Interpreter]:
        """The interpreters of other languages than Python."""
        return {name: installed.interpreter for name, installed in self.languages.items()}

    def all(self) -> dict[str, Interpreter]:
        """The interpreters of every language."""
        return {**self.pythons, **self.others()}


def find_present(*, readable_by_all: bool = False) -> Present:
    """Look for the Pythons; see `find_interpreters` for what it takes to be readable."""
    return Present(find_interpreters(readable_by_all=readable_by_all), readable_by_all)
