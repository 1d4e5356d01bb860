"""AWS STS: who am I."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.sts.caller_identity import get_caller_identity

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]


def operations() -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {("sts", "GetCallerIdentity"): get_caller_identity}
