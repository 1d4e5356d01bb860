"""GetCallerIdentity: the account for whoever comes from outside, the role for a function."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from lambdad.arn import caller_arn
from lambdad.model.caller import Caller, RequestContext


async def get_caller_identity(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """Tell the caller who it is."""
    caller = context.caller
    return {
        "UserId": _user_id(caller),
        "Account": caller.account_id,
        "Arn": caller_arn(caller.account_id, caller.role, caller.session_name),
    }


def _user_id(caller: Caller) -> str:
    """AWS's form: the account's own id, or the role's unique id and the session."""
    if caller.role is None:
        return caller.account_id
    digest = hashlib.sha256(caller.role.encode()).digest()
    return f"AROA{base64.b32encode(digest).decode()[:17]}:{caller.session_name}"
