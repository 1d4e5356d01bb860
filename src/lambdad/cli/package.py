"""From a path to a deployment package: a directory, one Python file, or a zip that is ready."""

from __future__ import annotations

import base64
import hashlib
import re
import zipfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path

from lambdad.cli import archive
from lambdad.cli.failure import CommandError, ExitCode
from lambdad.cli.steps import OnStep, ignore
from lambdad.cli.workshop import Workshop

_MAX_NAME_LENGTH = 64
REQUIREMENTS = "requirements.txt"
BOOTSTRAP = "bootstrap"  # a runtime that a function brings along


class Source:
    """What the user pointed at.

    `sources` are its top-level Python files by name, for finding the handler. `only` names the
    files of a directory that count; without it all do.
    """

    def __init__(self, path: Path, only: Collection[str] = ()) -> None:
        self.path = path.resolve()
        self._zip: bytes | None = None
        self._files: dict[str, Path] = {}
        if self.path.is_dir():
            files = archive.files_below(self.path)
            self._files = {name: files[name] for name in files if not only or name in only}
            if not self._files:
                raise _unusable(f"The directory {path} holds no files to deploy.")
        elif self.path.suffix == ".py":
            self._files = {self.path.name: self.path}
        elif zipfile.is_zipfile(self.path):  # a jar is one as well
            self._zip = self.path.read_bytes()
        else:
            raise _unusable(f"{path} is not a directory, a .py file, a zip or a jar.")
        try:
            self.sources = self._read_sources()
        except zipfile.BadZipFile as error:
            raise _unusable(f"{path} is a damaged zip: {error}.") from None
        for name in self._files:
            if not _is_unicode(name):
                shown = name.encode("utf-8", "backslashreplace").decode()
                raise _unusable(f"The name of the file {shown} is not UTF-8; rename it.")

    @property
    def function_name(self) -> str:
        """A function name made of the path's."""
        stem = self.path.name if self.path.is_dir() else self.path.stem
        name = re.sub(r"[^a-zA-Z0-9_-]+", "-", stem).strip("-")[:_MAX_NAME_LENGTH]
        if not name:
            raise _unusable(f"No function name can be made of {self.path}. Give one with --name.")
        return name

    @cached_property
    def names(self) -> frozenset[str]:
        """Of all its files."""
        return frozenset(self._files if self._zip is None else archive.names(self._zip))

    @property
    def has_bootstrap(self) -> bool:
        """Does it bring a runtime of its own?"""
        return BOOTSTRAP in self.names

    @property
    def has_requirements(self) -> bool:
        """Is there something to install? A zip is taken as it is."""
        return REQUIREMENTS in self._files

    def build(
        self,
        runtime: str,
        on_step: OnStep = ignore,
        workshop: Workshop | None = None,
    ) -> bytes:
        """The zip; `on_step` hears what is being done, and `workshop` is used if there is one."""
        if self._zip is not None:
            return self._zip
        with nullcontext(workshop) if workshop else Workshop() as place:
            installed: dict[str, Path] = {}
            if self.has_requirements:
                on_step("installing requirements")
                installed = place.install(self._files[REQUIREMENTS], runtime)
            # A file of the user's wins over one that a package brings.
            return place.pack(installed | self._files, on_step)

    def _read_sources(self) -> dict[str, bytes]:
        if self._zip is not None:
            return archive.top_level_sources(self._zip)
        return {
            name: path.read_bytes()
            for name, path in self._files.items()
            if name.endswith(".py") and "/" not in name
        }


def code_sha256(content: bytes) -> str:
    """CodeSha256 as the API gives it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Turn what the system says about a file of `path` into a sentence."""
    try:
        yield
    except OSError as error:
        raise _unusable(f"{error.filename or path}: {error.strerror}.") from None


def _unusable(sentence: str) -> CommandError:
    return CommandError(sentence, ExitCode.USAGE, name="InvalidPackage")


def _is_unicode(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)
