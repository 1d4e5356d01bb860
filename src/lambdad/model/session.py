"""Sessions: temporary credentials that STS has given out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Session:
    """Whose credentials they are, and until when.

    A session of a role has `role` (its ARN) and a name; one of a user, or a federated one, has
    `user` (its ARN); one of the account itself has neither. `principal_id` is the unique id that
    AWS tells of the role, the user or the federated user. Policies and tags narrow what the session
    may do.
    """

    kind: ClassVar[str] = "sts-session"

    account_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires: float
    role: str | None = None
    name: str | None = None
    user: str | None = None
    principal_id: str | None = None
    source_identity: str | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, no region, access key id."""
        return (self.account_id, "", self.access_key_id)
