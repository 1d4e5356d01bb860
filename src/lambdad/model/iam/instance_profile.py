"""Instance profiles: the form in which an EC2 instance is given a role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lambdad.model.iam.arns import IamArn


@dataclass(frozen=True, slots=True)
class InstanceProfile:
    """`role` is the name of the one role in it, in lower case."""

    kind: ClassVar[str] = "iam-instance-profile"

    account_id: str
    name: str
    id: str
    created: float
    path: str = "/"
    role: str | None = None
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, no region, name in lower case."""
        return (self.account_id, "", self.name.lower())

    @property
    def arn(self) -> str:
        return str(IamArn(self.account_id, "instance-profile", self.path, self.name))
