"""Whose an access key is: the gateway asks this for every signed request.

Signatures and session tokens are verified of requests to functions' URLs alone: elsewhere who knows
the id of a key is taken for its owner, as everything is in the open mode.
"""

from __future__ import annotations

from lambdad.errors import ClientError
from lambdad.model.caller import Caller
from lambdad.model.iam.access_key import ACTIVE, AccessKey
from lambdad.model.iam.access_key_id import account_of
from lambdad.model.iam.user import User
from lambdad.model.session import Session
from lambdad.services.sts.sessions import Sessions


def identify(sessions: Sessions, access_key_id: str, region: str) -> Caller | None:
    """Who signs with this key; None when nobody here has it."""
    key = find_key(sessions, access_key_id)
    if isinstance(key, AccessKey):
        user = sessions.resources.find(User, key.account_id, "", (key.user_name or "").lower())
        return _owner(key, user, region)
    if key is None:
        return None
    return Caller(
        account_id=key.account_id,
        region=region,
        access_key_id=access_key_id,
        role=key.role,
        session_name=key.name,
        user=key.user,
        principal_id=key.principal_id,
    )


def find_key(sessions: Sessions, access_key_id: str) -> AccessKey | Session | None:
    """The key of a user or of a session, None when there is none; one that is inactive or expired
    is a ClientError.

    The account is in the id, so that each kind of key is looked up once.
    """
    account_id = account_of(access_key_id)
    if account_id is None:
        return None
    key = sessions.resources.find(AccessKey, account_id, "", access_key_id)
    if key is None:
        return _find_session(sessions, account_id, access_key_id)
    if key.status != ACTIVE:
        raise ClientError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    return key


def _find_session(sessions: Sessions, account_id: str, access_key_id: str) -> Session | None:
    session = sessions.resources.find(Session, account_id, "", access_key_id)
    if session is not None and sessions.is_expired(session):
        raise ClientError(
            "ExpiredTokenException", "The security token included in the request is expired"
        )
    return session


def _owner(key: AccessKey, user: User | None, region: str) -> Caller:
    return Caller(
        account_id=key.account_id,
        region=region,
        access_key_id=key.id,
        user=user.arn if user else None,
        principal_id=user.id if user else None,
    )
