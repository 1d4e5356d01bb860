"""AssumeRole: temporary credentials that act as a role."""

from __future__ import annotations

from typing import Any

from lambdad.arn import caller_arn
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.iam.arns import parse_iam_arn
from lambdad.model.iam.role import Role
from lambdad.services.sts.session_policies import narrowing
from lambdad.services.sts.sessions import Sessions, credentials

_USUAL_DURATION = 3600
_CHAINED_DURATION = 3600  # at most, for who already acts as a role


async def assume_role(
    sessions: Sessions, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Start a session of a role that is there, in whichever account."""
    role = _find_role(sessions, context, request["RoleArn"])
    duration = request.get("DurationSeconds", _USUAL_DURATION)
    _check_duration(context, role, duration)
    name, source_identity = request["RoleSessionName"], request.get("SourceIdentity")
    session = await sessions.start(
        role.account_id,
        duration,
        role=role.arn,
        name=name,
        principal_id=role.id,
        source_identity=source_identity,
        **narrowing(request),
    )
    return {
        "Credentials": credentials(session),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role.id}:{name}",
            "Arn": caller_arn(role.account_id, role.arn, name),
        },
        **({"SourceIdentity": source_identity} if source_identity else {}),
    }


def _find_role(sessions: Sessions, context: RequestContext, text: str) -> Role:
    """The role; AWS does not tell whether it is missing or only forbidden.

    Trust policies are not evaluated yet. So that a function has its own account and no other, it
    assumes no role of another one, whatever that role trusts.
    """
    arn = parse_iam_arn(text)
    if arn is None or arn.kind != "role":
        raise ClientError("ValidationException", f"{text} is invalid")
    role = sessions.resources.find(Role, arn.account_id, "", arn.name.lower())
    is_out_of_reach = context.caller.environment_id and arn.account_id != context.caller.account_id
    if role is None or role.arn != text or is_out_of_reach:
        raise ClientError(
            "AccessDeniedException",
            f"User: {context.caller.arn} is not authorized to perform: sts:AssumeRole on "
            f"resource: {text}",
        )
    return role


def _check_duration(context: RequestContext, role: Role, duration: int) -> None:
    if duration > role.max_session_duration:
        raise ClientError(
            "ValidationException",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )
    if context.caller.role is not None and duration > _CHAINED_DURATION:
        raise ClientError(
            "ValidationException",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining.",
        )


OPERATIONS = {"AssumeRole": assume_role}
