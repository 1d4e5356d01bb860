"""Managed policies: documents with versions, which roles, users and groups share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lambdad.model.iam.arns import IamArn


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One immutable document of a managed policy."""

    number: int
    document: str
    created: float

    @property
    def id(self) -> str:
        return f"v{self.number}"


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """`last_version` is the number given last, which is never used again."""

    kind: ClassVar[str] = "iam-policy"

    account_id: str
    name: str
    id: str
    created: float
    updated: float
    versions: tuple[PolicyVersion, ...]
    default_version: int = 1
    last_version: int = 1
    path: str = "/"
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, no region, name in lower case."""
        return (self.account_id, "", self.name.lower())

    @property
    def arn(self) -> str:
        return str(IamArn(self.account_id, "policy", self.path, self.name))

    @property
    def document(self) -> str:
        """The document that counts: the default version's."""
        return next(each.document for each in self.versions if each.number == self.default_version)
