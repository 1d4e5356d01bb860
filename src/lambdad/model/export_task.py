"""Exports of log lines to a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from lambdad.model.log_line import LogLine

PENDING, RUNNING, COMPLETED = "PENDING", "RUNNING", "COMPLETED"
CANCELLED, FAILED = "CANCELLED", "FAILED"


@dataclass(frozen=True, slots=True)
class ExportTask:
    """The lines of some streams of a group, from `start_ms` on and up to `end_ms`, on their way to
    a bucket, and how far that has come."""

    kind: ClassVar[str] = "export-task"

    account_id: str
    region: str
    id: str
    name: str
    log_group: str
    stream_prefix: str
    start_ms: int
    end_ms: int
    bucket: str
    prefix: str
    created_ms: int
    status: str = PENDING
    message: str = ""
    ended_ms: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, id."""
        return (self.account_id, self.region, self.id)

    @property
    def is_active(self) -> bool:
        """Whether it is still to be done, or being done."""
        return self.status in (PENDING, RUNNING)

    def object_key(self, stream: str, number: int) -> str:
        """The name of the object that has so-and-so-many parts of a stream before it."""
        return f"{self.prefix}/{self.id}/{stream.replace('/', '-')}/{number:06d}.gz"


def exported(line: LogLine) -> str:
    """A line as it is written to a file."""
    moment = datetime.fromtimestamp(line.timestamp_ms / 1000, UTC).replace(tzinfo=None)
    message = line.message.rstrip("\n")
    return f"{moment.isoformat(timespec='milliseconds')}Z {message}\n"
