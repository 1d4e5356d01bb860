"""Memory, cores and descriptors."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from lambdad.launcher.probes.machine import Resources
from lambdad.launcher.probes.reading import read_field

_PAGE = "SC_PAGE_SIZE"


def probe_resources(root: Path = Path("/")) -> Resources:
    """What this process could use."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    meminfo = root / "proc/meminfo"
    return Resources(
        descriptors=None if hard == resource.RLIM_INFINITY else hard,
        memory_mb=_megabytes(read_field(meminfo, "MemTotal")) or _pages("SC_PHYS_PAGES"),
        available_mb=_megabytes(read_field(meminfo, "MemAvailable")),
        cores=_cores(),
    )


def _megabytes(text: str) -> int:
    """`1048576 kB` as 1024."""
    number = text.removesuffix("kB").strip()
    return int(number) // 1024 if number.isdecimal() else 0


def _pages(name: str) -> int:
    """Where there is no /proc."""
    return os.sysconf(name) * os.sysconf(_PAGE) // (1024 * 1024)


def _cores() -> int:
    """Those that this process may run on, which taskset and containers make fewer."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
