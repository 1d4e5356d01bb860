"""Resource-based policies as whole documents: put, got and deleted by the resource's ARN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.arn import parse_function_identifier
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.policy import Policy
from lambdad.model.policy_grammar import parse_policy
from lambdad.model.public_access import is_public
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.permissions import check_has_policy, find_policy, new_policy
from lambdad.services.lambda_.policy_changes import (
    check_length,
    check_policy_revision,
    existing,
)

GET = "GetResourcePolicy"


async def put_resource_policy(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Replace the whole policy, also what AddPermission wrote."""
    name = _name(context, request)
    check_has_policy(name)
    document = parse_policy(request["Policy"], name.arn)
    check_length(document)
    if is_public(document):
        raise ClientError(
            "PublicPolicyException",
            "The resource-based policy you tried to add to the Lambda resource would grant public "
            "access to it, which isn't allowed.",
        )
    async with control.changes.lock(name.key):
        names.find_version(control.resources, name)
        check_policy_revision(find_policy(control, name), request.get("RevisionId"), GET)
        policy = new_policy(name, document)
        await control.resources.save(policy)
    return _answer(policy)


async def get_resource_policy(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The policy of a function, a version or an alias."""
    name = _name(context, request)
    names.find_version(control.resources, name)
    return _answer(existing(find_policy(control, name)))


async def delete_resource_policy(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a policy with all its statements."""
    name = _name(context, request)
    async with control.changes.lock(name.key):
        names.find_version(control.resources, name)
        policy = existing(find_policy(control, name))
        check_policy_revision(policy, request.get("RevisionId"), GET)
        await control.resources.delete(policy)
    return {}


def _name(context: RequestContext, request: Mapping[str, Any]) -> FunctionName:
    """What ResourceArn means. The model also knows runtimes, of which there are none here."""
    arn = request["ResourceArn"]
    if parse_function_identifier(arn) is None:
        raise ClientError("ResourceNotFoundException", f"Resource not found: {arn}")
    return names.resolve(context, {"FunctionName": arn})


def _answer(policy: Policy) -> dict[str, Any]:
    return {"Policy": policy.document.text, "RevisionId": policy.revision_id}


OPERATIONS = {
    "DeleteResourcePolicy": delete_resource_policy,
    "GetResourcePolicy": get_resource_policy,
    "PutResourcePolicy": put_resource_policy,
}
