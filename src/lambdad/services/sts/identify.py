"""Whose an access key is: the gateway asks this for every signed request.

Signatures and session tokens are not verified yet: who knows the id of a key is taken for its
owner, as everything is in the open mode.
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
    """Who signs with this key; None when nobody here has it.

    The account is in the id, so that each kind of key is looked up once.
    """
    account_id = account_of(access_key_id)
    if account_id is None:
        return None
    resources = sessions.resources
    key = resources.find(AccessKey, account_id, "", access_key_id)
    if key is not None:
        user = resources.find(User, account_id, "", (key.user_name or "").lower())
        return _owner(key, user, region)
    session = resources.find(Session, account_id, "", access_key_id)
    if session is None:
        return None
    if sessions.is_expired(session):
        raise ClientError(
            "ExpiredTokenException", "The security token included in the request is expired"
        )
    return Caller(
        account_id=account_id,
        region=region,
        access_key_id=access_key_id,
        role=session.role,
        session_name=session.name,
        user=session.user,
        principal_id=session.principal_id,
    )


def _owner(key: AccessKey, user: User | None, region: str) -> Caller:
    if key.status != ACTIVE:
        raise ClientError(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    return Caller(
        account_id=key.account_id,
        region=region,
        access_key_id=key.id,
        user=user.arn if user else None,
        principal_id=user.id if user else None,
    )
