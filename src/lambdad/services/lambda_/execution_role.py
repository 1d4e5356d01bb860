"""Whether a function may have its execution role: checked when the setting `check_roles` is on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.iam.arns import parse_iam_arn
from lambdad.model.iam.role import Role
from lambdad.model.policy_document import trusts
from lambdad.services.lambda_.control_plane import ControlPlane

LAMBDA = "lambda.amazonaws.com"


def check_execution_role(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> None:
    """Refuse a role of another account, one that is not there, and one that does not trust
    Lambda."""
    if not control.check_roles or "Role" not in request:
        return
    arn, account_id = parse_iam_arn(request["Role"]), context.caller.account_id
    if arn is not None and arn.account_id != account_id:
        raise ClientError("AccessDeniedException", "Cross-account pass role is not allowed.")
    role = None
    if arn is not None:
        role = control.resources.find(Role, account_id, "", arn.name.lower())
    if role is None or role.arn != request["Role"] or not trusts(role.trust_policy, LAMBDA):
        raise ClientError(
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        )
