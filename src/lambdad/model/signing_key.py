"""What a signature is verified with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The secret of an access key; one of a session comes with a token, that has to be sent. With
    one that `takes_any_token` none has to, and any may be."""

    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    takes_any_token: bool = False
