"""Access keys of users."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

ACTIVE = "Active"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key of a user, or of the account itself: then `user_name` is None.

    The secret is kept because a signature cannot be verified without it.
    """

    kind: ClassVar[str] = "iam-access-key"

    account_id: str
    id: str
    secret_access_key: str = field(repr=False)
    created: float
    user_name: str | None = None
    status: str = ACTIVE

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, no region, the key's id."""
        return (self.account_id, "", self.id)
