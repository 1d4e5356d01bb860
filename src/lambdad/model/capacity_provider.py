"""A capacity provider: the instances that managed functions run on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lambdad.arn import capacity_provider_arn

PENDING, ACTIVE, DELETING = "Pending", "Active", "Deleting"


@dataclass(frozen=True, slots=True)
class CapacityProvider:
    """`settings` holds members in AWS's words and shapes (VpcConfig, PermissionsConfig, …), which
    lambdad returns as they were given."""

    kind: ClassVar[str] = "capacity-provider"

    account_id: str
    region: str
    name: str
    state: str
    last_modified: float  # seconds since the epoch
    settings: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, name."""
        return (self.account_id, self.region, self.name)

    @property
    def arn(self) -> str:
        return capacity_provider_arn(self.account_id, self.region, self.name)
