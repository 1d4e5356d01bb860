"""AWS STS: who am I, and temporary credentials."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.sts import assume_role, caller_identity, user_sessions
from lambdad.services.sts.caller_identity import user_id
from lambdad.services.sts.identify import identify
from lambdad.services.sts.sessions import Sessions
from lambdad.services.sts.signing_keys import find_signing_key

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]

# Every file of operations.
_RESOURCES = (assume_role, caller_identity, user_sessions)


def operations(sessions: Sessions) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {
        ("sts", operation): partial(run, sessions)
        for resource in _RESOURCES
        for operation, run in resource.OPERATIONS.items()
    }


__all__ = ["Operation", "Sessions", "find_signing_key", "identify", "operations", "user_id"]
