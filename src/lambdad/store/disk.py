"""Forcing to the disk what must survive a power failure."""

from __future__ import annotations

import os
from pathlib import Path

# macOS has only the stronger call.
force_to_disk = getattr(os, "fdatasync", os.fsync)


def force_directory_to_disk(directory: Path) -> None:
    """Make sure that the names in `directory` are on disk: new files, renames."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
