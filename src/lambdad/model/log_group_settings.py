"""What is set for a log group. The groups themselves are the log store's; most have no settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

# Days for which lines may be kept; without any, for ever.
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


@dataclass(frozen=True, slots=True)
class LogGroupSettings:
    """How long a group's lines are kept, and its tags."""

    kind: ClassVar[str] = "log-group-settings"

    account_id: str
    region: str
    name: str
    retention_days: int | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where the group lives: account id, region, name."""
        return (self.account_id, self.region, self.name)
