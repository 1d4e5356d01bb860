"""What building one package leaves for the next: installed requirements, compressed files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType

from lambdad.cli import archive, requirements
from lambdad.cli.packer import Packer
from lambdad.cli.steps import OnStep, ignore

# Requirements, constraints, what is editable, and where to find wheels.
_OPTIONS_WITH_FILES = (b"-r", b"-c", b"-e", b"-f", b"--r", b"--c", b"--e", b"--f")


class Workshop:
    """A place to build packages in; leaving it removes what was installed.

    The requirements are installed again only when their text or the Python that they are for is
    another one, or when they name other files, which may have changed.
    """

    def __init__(self) -> None:
        self._packer = Packer()
        self._place: tempfile.TemporaryDirectory[str] | None = None
        self._installed_for: tuple[bytes, str] | None = None

    def install(self, file: Path, runtime: str) -> dict[str, Path]:
        """The files that the requirements in `file` come to, by their names in the zip."""
        version = requirements.python_version(runtime)
        if version is None:
            return {}
        text = file.read_bytes()
        wanted = (text, version)
        if self._place is None or wanted != self._installed_for or _names_files(text):
            self.close()
            self._place = tempfile.TemporaryDirectory(prefix="lambdad-build-")
            requirements.install(file, Path(self._place.name), version)
            self._installed_for = wanted
        return archive.files_below(Path(self._place.name))

    def pack(self, files: Mapping[str, Path], on_step: OnStep = ignore) -> bytes:
        """The zip of `files`."""
        return self._packer.pack(files, partial(on_step, "zipping"))

    def close(self) -> None:
        """Remove what was installed."""
        self._installed_for = None
        if self._place is not None:
            self._place.cleanup()
            self._place = None

    def __enter__(self) -> Workshop:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _names_files(text: bytes) -> bool:
    """Whether requirements depend on other files: `-r base.txt`, `./package`, `x @ file:…`."""
    return any(_names_file(line.partition(b"#")[0].strip()) for line in text.splitlines())


def _names_file(line: bytes) -> bool:
    if line.startswith(_OPTIONS_WITH_FILES) or b"file:" in line:
        return True
    return b"://" not in line and (b"/" in line or b".whl" in line or line.startswith(b"."))
