"""Permissions: statements of a function's policy, added and removed one by one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from lambdad.arn import LATEST
from lambdad.errors import ClientError, invalid_parameter
from lambdad.model.caller import RequestContext
from lambdad.model.policy import Policy, PolicyDocument, compact_json, permission_statement
from lambdad.model.principal import principal_element
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.policy_changes import (
    check_policy_revision,
    existing,
    with_permission,
    without_permission,
)

URL_ACTION = "lambda:InvokeFunctionUrl"


async def add_permission(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Add a statement to the policy of a function, or of one version or alias."""
    name = names.resolve(context, request)
    principal = principal_element(request["Principal"])
    if principal is None:
        raise invalid_parameter(
            "The provided principal was invalid. Please check the principal and try again."
        )
    if "FunctionUrlAuthType" in request and request["Action"] != URL_ACTION:
        raise invalid_parameter(f"FunctionUrlAuthType is only supported for {URL_ACTION} action")
    check_has_policy(name)
    statement = permission_statement(request, principal, name.arn)
    async with control.changes.lock(name.key):
        names.find_version(control.resources, name)
        policy = find_policy(control, name)
        check_policy_revision(policy, request.get("RevisionId"), "GetPolicy")
        document = with_permission(policy.document if policy else PolicyDocument(), statement)
        await control.resources.save(new_policy(name, document))
    return {"Statement": compact_json(statement)}


async def remove_permission(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Remove a statement; with the last one goes the policy."""
    name = names.resolve(context, request)
    check_has_policy(name)
    async with control.changes.lock(name.key):
        names.find_version(control.resources, name)
        policy = existing(find_policy(control, name))
        document = without_permission(policy.document, request["StatementId"])
        check_policy_revision(policy, request.get("RevisionId"), "GetPolicy")
        if document.statements:
            await control.resources.save(new_policy(name, document))
        else:
            await control.resources.delete(policy)
    return {}


async def get_policy(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The policy of a function, or of one version or alias."""
    name = names.resolve(context, request)
    names.find_version(control.resources, name)
    policy = find_policy(control, name)
    if policy is None:
        raise ClientError("ResourceNotFoundException", "The resource you requested does not exist.")
    return {"Policy": policy.document.text, "RevisionId": policy.revision_id}


def find_policy(control: ControlPlane, name: FunctionName) -> Policy | None:
    """The policy of exactly what is named."""
    return control.resources.find(Policy, *name.qualified_key)


def new_policy(name: FunctionName, document: PolicyDocument) -> Policy:
    """A policy as it is after a change."""
    return Policy(*name.qualified_key, revision_id=str(uuid4()), document=document)


def check_has_policy(name: FunctionName) -> None:
    """`$LATEST` has no policy of its own: the function has one."""
    if name.qualifier == LATEST:
        raise invalid_parameter(f"We currently do not support adding policies for {LATEST}.")


OPERATIONS = {
    "AddPermission": add_permission,
    "GetPolicy": get_policy,
    "RemovePermission": remove_permission,
}
