"""What narrows a session: policies and tags that whoever starts it hands over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.policy_document import fault_of_identity_policy

_POLICY_SIZE = 2048  # characters
_MAX_POLICY_ARNS = 10


def narrowing(request: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a session that narrow it."""
    return {
        "policy": _checked_policy(request.get("Policy")),
        "policy_arns": _checked_arns(request.get("PolicyArns", ())),
        "tags": {tag["Key"]: tag["Value"] for tag in request.get("Tags", ())},
    }


def _checked_policy(text: str | None) -> str | None:
    if text is None:
        return None
    fault = fault_of_identity_policy(text)
    if fault is not None:
        raise ClientError("MalformedPolicyDocumentException", fault)
    if len(text) > _POLICY_SIZE:
        raise ClientError(
            "PackedPolicyTooLargeException",
            f"The session policy has more than {_POLICY_SIZE} characters.",
        )
    return text


def _checked_arns(descriptors: Any) -> tuple[str, ...]:
    arns = tuple(each["arn"] for each in descriptors if "arn" in each)
    if len(arns) > _MAX_POLICY_ARNS:
        raise ClientError(
            "ValidationException", f"A session can have at most {_MAX_POLICY_ARNS} policy ARNs."
        )
    return arns
