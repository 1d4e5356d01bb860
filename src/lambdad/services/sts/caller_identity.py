"""GetCallerIdentity and GetAccessKeyInfo: the account, its user, or a session of a role."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from lambdad.arn import role_name
from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.iam.access_key_id import account_of
from lambdad.model.iam.role import Role
from lambdad.services.sts.sessions import Sessions
from lambdad.store.resources import Resources


async def get_caller_identity(
    sessions: Sessions, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Tell the caller who it is."""
    caller = context.caller
    return {
        "UserId": user_id(sessions.resources, caller),
        "Account": caller.account_id,
        "Arn": caller.arn,
    }


async def get_access_key_info(
    sessions: Sessions, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The account that an access key is of, which its id tells, whether there is such a key or
    not."""
    account_id = account_of(request["AccessKeyId"])
    if account_id is None:
        raise ClientError("ValidationException", "Invalid AccessKeyId: it names no account.")
    return {"Account": account_id}


def user_id(resources: Resources, caller: Caller) -> str:
    """AWS's form: the account's own id, the user's, or the role's and the session."""
    if caller.role is None:
        return caller.principal_id or caller.account_id
    return f"{caller.principal_id or _role_id(resources, caller.role)}:{caller.session_name}"


def _role_id(resources: Resources, arn: str) -> str:
    """The id of a function's role, which may well be none that IAM knows."""
    role = resources.find(Role, arn.split(":")[4], "", role_name(arn).lower())
    if role is not None and role.arn == arn:
        return role.id
    digest = hashlib.sha256(arn.encode()).digest()
    return f"AROA{base64.b32encode(digest).decode()[:17]}"


OPERATIONS = {
    "GetAccessKeyInfo": get_access_key_info,
    "GetCallerIdentity": get_caller_identity,
}
