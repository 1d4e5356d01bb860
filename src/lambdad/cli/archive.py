"""Which files make a deployment package, and which a package holds."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

# What never belongs in a function: version control, caches, virtual environments, and what an
# editor keeps beside the file that it has open.
_LEFT_OUT_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".venv", ".idea", ".vscode"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox"}
)
_LEFT_OUT_FILES = re.compile(
    r"\.DS_Store|\.gitignore|.*\.pyc"
    r"|\..*\.sw[a-z]|.*~|#.*#|\.#.*|\.goutputstream-.*|\..*\.kate-swp|.*___jb_(?:tmp|old)___"
)


def files_below(root: Path) -> dict[str, Path]:
    """Each file to pack, by its name in the zip. Symbolic links are followed."""
    return {name: root / name for name in _walk(str(root), "", ancestors=frozenset())}


def _walk(directory: str, prefix: str, ancestors: frozenset[tuple[int, int]]) -> Iterator[str]:
    """The names below `directory`. Text, not paths: `deploy --watch` asks often."""
    status = os.stat(directory)
    itself = (status.st_dev, status.st_ino)
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    if itself in ancestors or any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    for entry in entries:
        name = prefix + entry.name
        if _is_directory(entry):
            if entry.name not in _LEFT_OUT_DIRECTORIES:
                yield from _walk(entry.path, f"{name}/", ancestors | {itself})
        elif _is_file(entry) and not _LEFT_OUT_FILES.fullmatch(entry.name):
            yield name


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """Only a link costs a look; os.path is not upset by one that leads nowhere or to itself."""
    return os.path.isdir(entry) if entry.is_symlink() else entry.is_dir()


def _is_file(entry: os.DirEntry[str]) -> bool:
    return os.path.isfile(entry) if entry.is_symlink() else entry.is_file()


def names(content: bytes) -> list[str]:
    """What a zip holds; zipfile.BadZipFile when it is damaged."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.namelist()


def top_level_sources(content: bytes) -> dict[str, bytes]:
    """The Python files at the top of a zip; zipfile.BadZipFile when it is damaged."""
    try:
        return _read_top_level_sources(content)
    except zipfile.BadZipFile:
        raise
    except Exception as error:  # each way to compress has errors of its own
        raise zipfile.BadZipFile(str(error)) from error


def _read_top_level_sources(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if name.endswith(".py") and "/" not in name
        }
