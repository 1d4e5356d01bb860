"""A file that is read, here and there, for as long as somebody may: even after it was deleted."""

from __future__ import annotations

import os
import weakref
from pathlib import Path


class OpenFile:
    """Closed when nobody has it any more."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)

    def read(self, size: int, offset: int) -> bytes:
        """So many bytes, or fewer at the end of the file."""
        return os.pread(self._descriptor, size, offset)


def link_in(directory: Path, path: Path) -> Path:
    """A link to the file in that directory, by which it stays when its own name goes."""
    link = directory / path.name
    if not link.exists():
        os.link(path, link)
    return link
