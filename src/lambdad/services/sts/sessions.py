"""The sessions that STS has given out: on disk, so that they outlive a restart of the node."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping
from itertools import islice
from typing import Any

from lambdad.clock import Clock
from lambdad.errors import ClientError
from lambdad.model.iam.access_key_id import (
    NUMBER_BITS,
    SESSION_PREFIX,
    account_of,
    make_access_key_id,
)
from lambdad.model.session import Session
from lambdad.store.resources import Resources

# An expired session is remembered for a day, so that who still uses it hears that it is expired.
_REMEMBERED = 24 * 60 * 60.0
_SWEEP_EVERY = 60 * 60.0
MOST_SESSIONS = 10_000  # of an account, those included that have expired lately
_SECRET_SIZE = 30  # bytes: forty characters
_TOKEN_SIZE = 256  # bytes; AWS's are about as long


class Sessions:
    """Gives out sessions, finds them, forgets those that are long expired."""

    def __init__(self, resources: Resources, clock: Clock) -> None:
        self.resources = resources
        self.clock = clock
        self._next_sweep = 0.0

    async def start(self, account_id: str, duration: int, **members: Any) -> Session:
        """Give out a session of `duration` seconds; it is on disk when this returns."""
        self._check_room(account_id)
        session = Session(
            account_id=account_id,
            access_key_id=make_access_key_id(
                SESSION_PREFIX, account_id, secrets.randbits(NUMBER_BITS)
            ),
            secret_access_key=b64encode(secrets.token_bytes(_SECRET_SIZE)).decode(),
            session_token=b64encode(secrets.token_bytes(_TOKEN_SIZE)).decode(),
            expires=int(self.clock.now()) + duration,
            **members,
        )
        await self.resources.save(session, deleted=self._forgettable())
        return session

    def _check_room(self, account_id: str) -> None:
        """A function that asks for sessions without end does not fill the disk."""
        sessions = self.resources.list(Session, account_id, "")
        if next(islice(sessions, MOST_SESSIONS - 1, None), None) is not None:
            raise ClientError(
                "Throttling",
                f"The account has {MOST_SESSIONS} sessions, which are remembered for a day after "
                "they have expired; there is no room for more.",
                status=400,
            )

    def find(self, access_key_id: str) -> Session | None:
        """The session with this key, expired or not."""
        account_id = account_of(access_key_id)
        if account_id is None:
            return None
        return self.resources.find(Session, account_id, "", access_key_id)

    def is_expired(self, session: Session) -> bool:
        """Whether its time is over."""
        return self.clock.now() >= session.expires

    def _forgettable(self) -> list[Session]:
        now = self.clock.now()
        if now < self._next_sweep:
            return []
        self._next_sweep = now + _SWEEP_EVERY
        every = self.resources.all(Session)
        return [session for session in every if session.expires + _REMEMBERED < now]


def credentials(session: Session) -> Mapping[str, Any]:
    """A session as AWS's Credentials."""
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
        "Expiration": session.expires,
    }
