"""Deployment packages of the functions in `functions/`, built once and then kept in a cache."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from benchmarks.machine import runtime
from lambdad.cli.package import Source

FUNCTIONS = Path(__file__).resolve().parent / "functions"


def build(name: str) -> bytes:
    """The zip of `functions/<name>.py` or `functions/<name>/`; pip installs what it requires."""
    directory = FUNCTIONS / name
    source = Source(directory if directory.is_dir() else directory.with_suffix(".py"))
    if not source.has_requirements:
        return source.build(runtime())
    cached = _cache() / f"{name}-{runtime()}-{_digest(directory)}.zip"
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        unfinished = cached.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(source.build(runtime()))
        unfinished.rename(cached)
    return cached.read_bytes()


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "lambdad-benchmarks"


def _digest(directory: Path) -> str:
    contents = b"".join(path.read_bytes() for path in sorted(directory.glob("*.*")))
    return hashlib.sha256(contents).hexdigest()[:16]
