"""How busy this machine's processors are."""

from __future__ import annotations

import os
from pathlib import Path

_STAT = Path("/proc/stat")
_IDLE = (3, 4)  # idle, iowait


class Processors:
    """Tells what share of their time all processors together were idle since the last question."""

    def __init__(self, stat: Path = _STAT) -> None:
        self._stat = stat
        self._last = self._read()
        self.count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1

    def idle_share(self) -> float:
        """From 0 to 1; 1 where nothing is known."""
        idle, total = self._read()
        last_idle, last_total = self._last
        self._last = (idle, total)
        if total <= last_total:
            return 1.0
        return max(0.0, min(1.0, (idle - last_idle) / (total - last_total)))

    def _read(self) -> tuple[int, int]:
        try:
            with self._stat.open("rb") as file:
                fields = [int(text) for text in file.readline().split()[1:9]]
            return (sum(fields[index] for index in _IDLE), sum(fields))
        except (OSError, ValueError, IndexError):
            return (0, 0)
