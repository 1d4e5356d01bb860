"""Dashboards as they are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard of an account, whatever the region; `body` is JSON."""

    kind: ClassVar[str] = "dashboard"

    account_id: str
    name: str
    body: str
    modified_at: float  # seconds since the epoch
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, no region, name."""
        return (self.account_id, "", self.name)

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudwatch::{self.account_id}:dashboard/{self.name}"
