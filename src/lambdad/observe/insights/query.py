"""A query that somebody has started, and what has become of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """As CloudWatch calls them."""

    SCHEDULED = "Scheduled"
    RUNNING = "Running"
    COMPLETE = "Complete"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    TIMEOUT = "Timeout"

    @property
    def is_final(self) -> bool:
        return self not in (Status.SCHEDULED, Status.RUNNING)


@dataclass(slots=True)
class Query:
    """`fields` are the names of a row's values. Times are milliseconds since 1970, the end
    exclusive."""

    id: str
    account_id: str
    region: str
    text: str
    log_groups: tuple[str, ...]
    start_ms: int
    end_ms: int
    created_ms: int
    fields: tuple[str, ...] = ()
    status: Status = Status.SCHEDULED
    duration_ms: int = 0
    scanned: int = 0
    matched: int = 0
    bytes: int = 0
    rows: int = 0
