"""GetSessionToken and GetFederationToken: temporary credentials of a user, or of the account."""

from __future__ import annotations

from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.services.sts.session_policies import narrowing
from lambdad.services.sts.sessions import Sessions, credentials

_USUAL_DURATION = 12 * 60 * 60
_ACCOUNT_DURATION = 60 * 60  # at most, for the account itself


async def get_session_token(
    sessions: Sessions, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Start a session that acts as who asks for it."""
    _refuse_sessions(sessions, context)
    caller = context.caller
    session = await sessions.start(
        caller.account_id,
        _duration(context, request),
        user=caller.user,
        principal_id=caller.principal_id,
    )
    return {"Credentials": credentials(session)}


async def get_federation_token(
    sessions: Sessions, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Start a session of a user whom somebody else knows."""
    _refuse_sessions(sessions, context)
    account_id, name = context.caller.account_id, request["Name"]
    arn, id = f"arn:aws:sts::{account_id}:federated-user/{name}", f"{account_id}:{name}"
    session = await sessions.start(
        account_id,
        _duration(context, request),
        user=arn,
        principal_id=id,
        **narrowing(request),
    )
    federated = {"FederatedUserId": id, "Arn": arn}
    return {"Credentials": credentials(session), "FederatedUser": federated}


def _duration(context: RequestContext, request: dict[str, Any]) -> int:
    asked_for: int = request.get("DurationSeconds", _USUAL_DURATION)
    return asked_for if context.caller.user else min(asked_for, _ACCOUNT_DURATION)


def _refuse_sessions(sessions: Sessions, context: RequestContext) -> None:
    caller = context.caller
    if caller.role is not None or sessions.find(caller.access_key_id or "") is not None:
        raise ClientError(
            "AccessDeniedException", f"Cannot call {context.operation} with session credentials"
        )


OPERATIONS = {
    "GetFederationToken": get_federation_token,
    "GetSessionToken": get_session_token,
}
