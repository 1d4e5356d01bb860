"""An event source mapping, and the pure rules of its life.

Creating ──▶ Enabled ◀──Enabling──┐        Updating ──▶ Enabled or Disabled, as it was
        └──▶ Disabled ◀─Disabling─┘        Deleting ──▶ gone
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

CHANGING = frozenset({"Creating", "Enabling", "Disabling", "Updating", "Deleting"})


@dataclass(frozen=True, slots=True)
class EventSourceMapping:
    """`function_arn` is as it was asked for, qualified if a qualifier was written. `settings` are
    AWS's members, defaults included, as they are given back.
    """

    kind: ClassVar[str] = "event-source-mapping"

    account_id: str
    region: str
    uuid: str
    function_arn: str
    is_enabled: bool
    state: str
    last_modified: float  # seconds since the epoch
    settings: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, UUID."""
        return (self.account_id, self.region, self.uuid)

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account_id}:event-source-mapping:{self.uuid}"

    @property
    def source(self) -> str:
        """What makes two mappings the same when they have the function in common."""
        topics = ",".join(self.settings.get("Topics", self.settings.get("Queues", [])))
        return f"{self.settings.get('EventSourceArn', '')} {topics}"


def settled(mapping: EventSourceMapping) -> EventSourceMapping | None:
    """The mapping when its change has come to its end; None when it is gone then."""
    if mapping.state == "Deleting":
        return None
    return replace(mapping, state="Enabled" if mapping.is_enabled else "Disabled")


def changed(mapping: EventSourceMapping, is_enabled: bool) -> str:
    """The state while a change is on its way, after which the mapping is enabled or not."""
    if is_enabled == mapping.is_enabled:
        return "Updating"
    return "Enabling" if is_enabled else "Disabling"
