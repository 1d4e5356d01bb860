"""Groups of users. Their members know them; they do not know their members."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lambdad.model.iam.arns import IamArn


@dataclass(frozen=True, slots=True)
class Group:
    """`inline_policies` are documents by name, `attached_policies` ARNs of managed ones."""

    kind: ClassVar[str] = "iam-group"

    account_id: str
    name: str
    id: str
    created: float
    path: str = "/"
    inline_policies: dict[str, str] = field(default_factory=dict)
    attached_policies: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, no region, name in lower case."""
        return (self.account_id, "", self.name.lower())

    @property
    def arn(self) -> str:
        return str(IamArn(self.account_id, "group", self.path, self.name))
