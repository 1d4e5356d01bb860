"""Roles: what a function runs as, and what others may take on for a while."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lambdad.model.iam.arns import IamArn


@dataclass(frozen=True, slots=True)
class Role:
    """`trust_policy` says who may assume the role. `inline_policies` are documents by name,
    `attached_policies` ARNs of managed ones."""

    kind: ClassVar[str] = "iam-role"

    account_id: str
    name: str
    id: str
    created: float
    trust_policy: str
    path: str = "/"
    description: str = ""
    max_session_duration: int = 3600
    permissions_boundary: str | None = None
    inline_policies: dict[str, str] = field(default_factory=dict)
    attached_policies: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, no region, name in lower case."""
        return (self.account_id, "", self.name.lower())

    @property
    def arn(self) -> str:
        return str(IamArn(self.account_id, "role", self.path, self.name))
