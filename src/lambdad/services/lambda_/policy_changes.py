"""Changes of policies, for functions and layer versions alike: what must hold before they are
kept."""

from __future__ import annotations

from typing import Any, TypeVar

from lambdad.errors import ClientError
from lambdad.model.policy import MAX_LENGTH, LayerPolicy, Policy, PolicyDocument

P = TypeVar("P", Policy, LayerPolicy)


def existing(policy: P | None) -> P:
    """The policy, or AWS's error when there is none."""
    if policy is None:
        raise ClientError(
            "ResourceNotFoundException", "No policy is associated with the given resource."
        )
    return policy


def check_policy_revision(
    policy: Policy | LayerPolicy | None, expected: str | None, operation: str
) -> None:
    """Refuse a change that was meant for another revision; `operation` tells the latest."""
    found = policy.revision_id if policy else None
    if expected and expected != found:
        raise ClientError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. "
            f"Call the {operation} API to retrieve the latest Revision Id",
        )


def with_permission(document: PolicyDocument, statement: dict[str, Any]) -> PolicyDocument:
    """The document with a statement whose id is new in it."""
    sid = statement["Sid"]
    if document.find(sid):
        raise ClientError(
            "ResourceConflictException",
            f"The statement id ({sid}) provided already exists. Please provide a new statement "
            "id, or remove the existing statement.",
        )
    changed = document.with_statement(statement)
    check_length(changed)
    return changed


def without_permission(document: PolicyDocument, sid: str) -> PolicyDocument:
    """The document without the statement with this id."""
    if not document.find(sid):
        raise ClientError(
            "ResourceNotFoundException", f"Statement {sid} is not found in resource policy."
        )
    return document.without(sid)


def check_length(document: PolicyDocument) -> None:
    """Refuse a document that is longer than AWS's limit."""
    length = len(document.text)
    if length > MAX_LENGTH:
        raise ClientError(
            "PolicyLengthExceededException",
            f"The final policy size ({length}) is bigger than the limit ({MAX_LENGTH}).",
        )
