"""What the figures were measured on: a figure means nothing without it."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

Machine = dict[str, str | int]


def describe() -> Machine:
    """This machine, as every line of results carries it."""
    return {
        "cpu": _field("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def load_average() -> float:
    """Runnable processes over the last minute; more than a little means that others work too."""
    return round(os.getloadavg()[0], 2)


def runtime() -> str:
    """The identifier of the Python that runs the benchmarks, `python3.12`."""
    return f"python{sys.version_info[0]}.{sys.version_info[1]}"


def revision() -> str:
    """The commit that is checked out, with `-dirty` when files differ from it."""
    command = ("git", "--no-optional-locks", "describe", "--always", "--dirty", "--abbrev=10")
    try:
        run = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    except OSError:
        return "unknown"
    return run.stdout.strip() or "unknown"


def _field(path: str, name: str) -> str:
    """The first value of `name` in a file of `name : value` lines."""
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
