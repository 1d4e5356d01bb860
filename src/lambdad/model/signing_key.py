"""What a signature is verified with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The secret of an access key; one of a session comes with a token, that has to be sent."""

    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
