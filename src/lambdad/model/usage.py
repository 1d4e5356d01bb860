"""What functions have used: the ledger's nouns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple


class UsageKey(NamedTuple):
    """Whose, when, and all that a price depends on. `day` is a date of UTC, 2026-11-28."""

    account_id: str
    region: str
    function_name: str
    version: str
    day: str
    memory_mb: int
    ephemeral_storage_mb: int
    architecture: str
    initialization_type: str


@dataclass(slots=True)
class Usage:
    """What was used, added up. Durations are milliseconds; `duration_ms` is without Init, which is
    billed too. The memory is the most that any invocation used, the processor's time what all the
    function's processes took."""

    invocations: int = 0
    errors: int = 0
    billed_duration_ms: int = 0
    duration_ms: float = 0.0
    init_duration_ms: float = 0.0
    cpu_ms: float = 0.0
    max_memory_used_mb: int = 0

    def merge(self, other: Usage) -> None:
        """Take in what was used besides."""
        self.invocations += other.invocations
        self.errors += other.errors
        self.billed_duration_ms += other.billed_duration_ms
        self.duration_ms += other.duration_ms
        self.init_duration_ms += other.init_duration_ms
        self.cpu_ms += other.cpu_ms
        self.max_memory_used_mb = max(self.max_memory_used_mb, other.max_memory_used_mb)

    def copy(self) -> Usage:
        return replace(self)
