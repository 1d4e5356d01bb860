"""Another name for an account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class AccountAlias:
    """An account has at most one, and no other account has the same."""

    kind: ClassVar[str] = "iam-account-alias"

    account_id: str
    name: str

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, no region, the alias."""
        return (self.account_id, "", self.name)
