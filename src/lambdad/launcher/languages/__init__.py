"""The languages besides Python: one file each says where this machine has it, and how a program of
it is started. Their runtimes, which run in sandboxes, are beneath lambdad/runtimes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lambdad.launcher import threads
from lambdad.launcher.interpreters import Interpreter, version_of
from lambdad.launcher.languages import dotnet, java, nodejs, ruby


@dataclass(frozen=True)
class Archives:
    """How a language keeps a function's classes as they are in memory.

    make       of the command line of a sandbox, that of a program which writes the archive of the
               function's classes to its output, and runs no code of the function
    use        of the command line of a sandbox, that of one with the archive in a directory
    """

    make: Callable[[list[str]], list[str]]
    use: Callable[[list[str], str], list[str]]


@dataclass(frozen=True)
class Language:
    """`name` is how the identifiers of its runtimes begin, and the directory of our runtime.

    find       the interpreters of this machine
    command    the command line of a sandbox, of the executable and the directory of our runtime, as
               the sandbox sees them, and the function's memory in megabytes
    build      compiles our runtime in a copy of its directory; OSError when it cannot
    variables  what the interpreter reads when it starts
    trees      what it needs of the host besides its prefix: patterns of paths, which sandboxes have
               at the same place
    can_fork   whether the processes of sandboxes are forked from a warm one of this interpreter,
               the command line of which has two words more: `zygote` and a descriptor
    waiting_mb  so much of the machine's memory one that waits for a function takes, if started
    archives   None where a function's classes are not kept
    """

    name: str
    find: Callable[[], list[Interpreter]]
    command: Callable[[str, str, int], list[str]]
    waiting_mb: int
    build: Callable[[Interpreter, Path], None] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    trees: tuple[str, ...] = ()
    archives: Archives | None = None
    can_fork: Callable[[Interpreter], bool] = lambda interpreter: False


LANGUAGES = (
    Language(
        "nodejs",
        nodejs.find,
        nodejs.command,
        waiting_mb=12,
        build=nodejs.build,
        trees=nodejs.TREES,
    ),
    Language(
        "ruby",
        ruby.find,
        ruby.command,
        waiting_mb=16,
        build=ruby.build,
        variables=ruby.VARIABLES,
        trees=ruby.TREES,
        can_fork=ruby.can_fork,
    ),
    Language(
        "java",
        java.find,
        java.command,
        waiting_mb=45,
        build=java.build,
        variables=java.VARIABLES,
        trees=java.TREES,
        archives=Archives(java.make_archive, java.use_archive),
    ),
    Language(
        "dotnet",
        dotnet.find,
        dotnet.command,
        waiting_mb=35,
        build=dotnet.build,
        variables=dotnet.VARIABLES,
    ),
)
# What programs of any of them need, in whichever sandbox they run.
TREES = tuple(tree for language in LANGUAGES for tree in language.trees)


@dataclass(frozen=True)
class Installed:
    """An interpreter of this machine, and the language that it is one of."""

    interpreter: Interpreter
    language: Language

    @property
    def is_visible(self) -> bool:
        """Whether sandboxes see it where it stands."""
        prefix = self.interpreter.prefix
        return prefix == "/usr" or prefix.startswith("/usr/lib/")  # see the mounts

    @property
    def can_fork(self) -> bool:
        """Whether the processes of sandboxes are forked from a warm one."""
        return self.language.can_fork(self.interpreter)

    def executable_in(self, prefix: str) -> str:
        """Where a sandbox has its executable, when `prefix` is where its own prefix stands there
        unless that is visible."""
        if self.is_visible:
            return self.interpreter.executable
        own = os.path.relpath(self.interpreter.executable, self.interpreter.prefix)
        return os.path.join(prefix, own)


def language_of(runtime: str) -> Language | None:
    """The language of a runtime identifier; None for Python's and for what is no language."""
    return next((each for each in LANGUAGES if runtime.startswith(each.name)), None)


def find_languages() -> dict[str, Installed]:
    """By runtime identifier, the newest of each; all languages are looked for at once."""
    interpreters = threads.run_at_once([language.find for language in LANGUAGES])
    found = [
        Installed(each, language)
        for language, those in zip(LANGUAGES, interpreters, strict=True)
        for each in those
    ]
    return {each.interpreter.name: each for each in sorted(found, key=_version)}


def _version(installed: Installed) -> list[int]:
    return version_of(installed.interpreter)
