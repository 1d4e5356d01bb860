"""The REPORT line, read back into its figures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_REPORT = re.compile(r"^REPORT RequestId: (?P<request_id>\S+)(?P<rest>.*)$", re.MULTILINE)
_FIGURE = re.compile(r"([A-Z][A-Za-z ]*): ([0-9.]+) (?:ms|MB)")


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One invocation's durations and memory, as the platform logged them."""

    request_id: str
    duration_ms: float | None
    billed_duration_ms: float | None
    memory_size_mb: float | None
    max_memory_used_mb: float | None
    init_duration_ms: float | None

    @classmethod
    def find(cls, log: str) -> ReportLine | None:
        """The last REPORT line of `log`."""
        matches = list(_REPORT.finditer(log))
        if not matches:
            return None
        figures = {name: float(figure) for name, figure in _FIGURE.findall(matches[-1]["rest"])}
        return cls(
            matches[-1]["request_id"],
            figures.get("Duration"),
            figures.get("Billed Duration"),
            figures.get("Memory Size"),
            figures.get("Max Memory Used"),
            figures.get("Init Duration"),
        )

    @property
    def is_cold(self) -> bool:
        """Did this invocation wait for a new execution environment?"""
        return self.init_duration_ms is not None

    def __str__(self) -> str:
        parts = ["cold start" if self.is_cold else "warm"]
        if self.init_duration_ms is not None:
            parts.append(f"init {self.init_duration_ms:g} ms")
        if self.duration_ms is not None:
            parts.append(f"ran {self.duration_ms:g} ms")
        if self.billed_duration_ms is not None:
            parts.append(f"billed {self.billed_duration_ms:g} ms")
        if self.max_memory_used_mb is not None and self.memory_size_mb is not None:
            parts.append(f"used {self.max_memory_used_mb:g} of {self.memory_size_mb:g} MB")
        return " · ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """For `--json`, in the words of the line."""
        return {
            "RequestId": self.request_id,
            "ColdStart": self.is_cold,
            "DurationMs": self.duration_ms,
            "BilledDurationMs": self.billed_duration_ms,
            "InitDurationMs": self.init_duration_ms,
            "MemorySizeMb": self.memory_size_mb,
            "MaxMemoryUsedMb": self.max_memory_used_mb,
        }
