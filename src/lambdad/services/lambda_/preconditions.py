"""What must hold before a function or an alias is changed."""

from __future__ import annotations

from lambdad.errors import ClientError
from lambdad.model.function import Function
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.taking_effect import is_pending

NOT_NOW = "The operation cannot be performed at this time."


def changeable(control: ControlPlane, name: FunctionName, revision_id: str | None) -> Function:
    """The function, unless it cannot be changed now or is not what the caller thinks it is."""
    function = names.find_function(control.resources, name)
    if is_pending(function):
        raise ClientError(
            "ResourceConflictException",
            f"{NOT_NOW} The function is currently in the following state: Pending",
        )
    if function.pending is not None:
        raise ClientError(
            "ResourceConflictException",
            f"{NOT_NOW} An update is in progress for resource: {name.unqualified_arn}",
        )
    check_revision(revision_id, function.latest.revision_id)
    return function


def check_revision(expected: str | None, found: str) -> None:
    """Refuse a change that was meant for another revision."""
    if expected and expected != found:
        raise ClientError(
            "PreconditionFailedException",
            "The RevisionId provided does not match the latest RevisionId. Call the "
            "GetFunction/GetAlias API to retrieve the latest RevisionId",
        )
