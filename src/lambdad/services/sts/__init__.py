"""AWS STS: who am I."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.sts.caller_identity import get_caller_identity

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]

UNSUPPORTED = (
    "AssumeRole",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "AssumeRoot",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetDelegatedAccessToken",
    "GetFederationToken",
    "GetSessionToken",
    "GetWebIdentityToken",
)


def operations() -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {("sts", "GetCallerIdentity"): get_caller_identity}


def unsupported() -> dict[tuple[str, str], str]:
    """Every other operation, and the sentence that a caller gets."""
    return {
        ("sts", operation): f"lambdad does not support the operation {operation} yet."
        for operation in UNSUPPORTED
    }
