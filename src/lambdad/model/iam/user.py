"""Users of an account."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lambdad.model.iam.arns import IamArn


@dataclass(frozen=True, slots=True)
class User:
    """`inline_policies` are documents by name, `attached_policies` ARNs of managed ones, `groups`
    the names of groups in lower case."""

    kind: ClassVar[str] = "iam-user"

    account_id: str
    name: str
    id: str
    created: float
    path: str = "/"
    permissions_boundary: str | None = None
    groups: tuple[str, ...] = ()
    inline_policies: dict[str, str] = field(default_factory=dict)
    attached_policies: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, no region, name in lower case."""
        return (self.account_id, "", self.name.lower())

    @property
    def arn(self) -> str:
        return str(IamArn(self.account_id, "user", self.path, self.name))
