"""Policy documents in requests and answers."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from lambdad.services.iam.errors import limit_exceeded, malformed_policy

MANAGED_POLICY_SIZE = 6144
TRUST_POLICY_SIZE = 2048


def checked(text: str, fault_of: Callable[[str], str | None]) -> str:
    """The document as it was written, unless there is a fault in it."""
    fault = fault_of(text)
    if fault is not None:
        raise malformed_policy(fault)
    return text


def check_size(text: str, quota: str, limit: int) -> None:
    """Refuse a document that is too large."""
    if size(text) > limit:
        raise limit_exceeded(quota, limit)


def size(text: str) -> int:
    """How large a document is for AWS, which does not count white space."""
    return sum(not character.isspace() for character in text)


def encoded(text: str) -> str:
    """A document as answers have it: percent-encoded."""
    return quote(text, safe="")
