"""A deployment package: a zip whose bytes depend on nothing but its files.

Every entry has one date and one of two modes, and the entries are sorted, so that deploying the
same files again makes the same CodeSha256.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

# What never belongs in a function: version control, caches, virtual environments.
_LEFT_OUT_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", "__pycache__", ".venv", ".idea", ".vscode"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox"}
)
_LEFT_OUT_FILES = frozenset({".DS_Store", ".gitignore"})
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the oldest date that a zip can hold


def files_below(root: Path) -> dict[str, Path]:
    """Each file to pack, by its name in the zip. Symbolic links are followed."""
    return {path.relative_to(root).as_posix(): path for path in _walk(root, ancestors=frozenset())}


def _walk(directory: Path, ancestors: frozenset[str]) -> Iterator[Path]:
    real = os.path.realpath(directory)
    if real in ancestors or (directory / "pyvenv.cfg").exists():
        return
    for path in sorted(directory.iterdir()):
        if path.is_dir():
            if path.name not in _LEFT_OUT_DIRECTORIES:
                yield from _walk(path, ancestors | {real})
        elif path.is_file() and path.name not in _LEFT_OUT_FILES and path.suffix != ".pyc":
            yield path


def pack(files: Mapping[str, Path]) -> bytes:
    """The zip of `files`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, wherever it is made
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | _mode(files[name])) << 16
            archive.writestr(entry, files[name].read_bytes())
    return content.getvalue()


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644


def top_level_sources(content: bytes) -> dict[str, bytes]:
    """The Python files at the top of a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name: archive.read(name)
            for name in archive.namelist()
            if name.endswith(".py") and "/" not in name
        }
