"""Small files of the kernel and of the system; one that cannot be read is empty."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str:
    """What stands in a file, without the line end."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def read_number(path: Path) -> int | None:
    """The number in a file; None where there is no such file."""
    text = read_text(path)
    return int(text) if text.isdecimal() else None


def read_field(path: Path, name: str) -> str:
    """The value of `name` in a file of lines such as `MemTotal:  1024 kB` or `ID=debian`."""
    for line in read_text(path).splitlines():
        for separator in (":", "="):
            key, found, value = line.partition(separator)
            if found and key.strip() == name:
                return value.strip().strip('"')
    return ""
