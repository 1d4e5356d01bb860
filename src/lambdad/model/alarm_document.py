"""Alarms as they are kept: what they were told to watch, and the state they are in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

# Which of an alarm's lists of actions a state sets off.
ACTIONS: Mapping[str, str] = {
    OK: "OKActions",
    ALARM: "AlarmActions",
    INSUFFICIENT_DATA: "InsufficientDataActions",
}


@dataclass(frozen=True, slots=True)
class PendingAction:
    """An action that a change of state has set off and that is not done yet."""

    arn: str
    body: str  # JSON, what its target gets
    created_at: float  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Alarm:
    """A metric alarm or a composite one. `settings` is what PutMetricAlarm or PutCompositeAlarm was
    told, by the names of CloudWatch's model, without tags. Times are seconds since the epoch."""

    kind: ClassVar[str] = "alarm"

    account_id: str
    region: str
    name: str
    is_composite: bool
    settings: dict[str, Any]
    configured_at: float
    state: str = INSUFFICIENT_DATA
    reason: str = "Unchecked: Initial alarm creation"
    reason_data: str = ""
    state_updated_at: float = 0.0
    transitioned_at: float = 0.0
    pending: tuple[PendingAction, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, name."""
        return (self.account_id, self.region, self.name)

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudwatch:{self.region}:{self.account_id}:alarm:{self.name}"

    @property
    def type(self) -> str:
        return "CompositeAlarm" if self.is_composite else "MetricAlarm"

    def actions(self) -> list[str]:
        """The ARNs that its state sets off."""
        if not self.settings.get("ActionsEnabled", True):
            return []
        return list(self.settings.get(ACTIONS[self.state]) or ())
