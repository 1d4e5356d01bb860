"""Managed policies: create, get, list, delete. AWS's own can be had, and are nobody's to change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.iam import aws_managed
from lambdad.model.iam.managed_policy import ManagedPolicy, PolicyVersion
from lambdad.model.policy_document import fault_of_managed_policy
from lambdad.services.iam import documents
from lambdad.services.iam.entities import POLICY, beneath_path, new_id, refuse_taken
from lambdad.services.iam.errors import delete_conflict
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import page
from lambdad.services.iam.policy_names import (
    attachments,
    boundaries,
    find_own_policy,
    find_policy,
    parse_policy_arn,
)
from lambdad.services.iam.tags import checked_tags, tags_member


async def create_policy(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create a policy with its first version."""
    document = checked_document(request["PolicyDocument"])
    tags = checked_tags(request.get("Tags", ()))
    async with iam.lock:
        refuse_taken(iam, context, POLICY, request["PolicyName"])
        now = iam.now()
        policy = ManagedPolicy(
            account_id=context.caller.account_id,
            name=request["PolicyName"],
            id=new_id(POLICY),
            created=now,
            updated=now,
            versions=(PolicyVersion(1, document, now),),
            path=request.get("Path", "/"),
            description=request.get("Description", ""),
            tags=tags,
        )
        await iam.resources.save(policy)
    return {"Policy": {**_listed(policy, Counter(), Counter()), **tags_member(tags)}}


async def get_policy(iam: Iam, context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
    """All of a policy but its document."""
    arn, account_id = request["PolicyArn"], context.caller.account_id
    attached, bounding = attachments(iam, account_id), boundaries(iam, account_id)
    policy = find_policy(iam, context, arn)
    if policy is None:
        return {"Policy": _listed_aws_managed(arn, attached, bounding)}
    description = {"Description": policy.description} if policy.description else {}
    listed = _listed(policy, attached, bounding)
    return {"Policy": {**listed, **description, **tags_member(policy.tags)}}


async def list_policies(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of policies: AWS's own, as far as they are known or attached, and the caller's."""
    account_id = context.caller.account_id
    attached, bounding = attachments(iam, account_id), boundaries(iam, account_id)
    used = _used(request, attached, bounding)
    policies = (
        (marker, policy)
        for marker, policy in _in_scope(iam, context, request, attached, bounding)
        if used is None or policy["Arn"] in used
    )
    found, following = page(policies, request)
    return {"Policies": found, **following}


async def delete_policy(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a policy that nobody uses, and that has no version but the default one."""
    async with iam.lock:
        policy = find_own_policy(iam, context, request["PolicyArn"])
        account_id = policy.account_id
        if policy.arn in attachments(iam, account_id) | boundaries(iam, account_id):
            raise delete_conflict("Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise delete_conflict(
                "This policy has more than one version. Before you delete a policy, you must "
                "delete the policy's versions. The default version is deleted with the policy."
            )
        await iam.resources.delete(policy)
    return {}


def checked_document(text: str) -> str:
    """The document of a new version."""
    documents.checked(text, fault_of_managed_policy)
    documents.check_size(text, "PolicySize", documents.MANAGED_POLICY_SIZE)
    return text


def _used(
    request: Mapping[str, Any], attached: Counter[str], bounding: Counter[str]
) -> set[str] | None:
    """ARNs of the policies that are used as the request wants it; None when it does not care."""
    match request.get("PolicyUsageFilter"):
        case "PermissionsPolicy":
            return set(attached)
        case "PermissionsBoundary":
            return set(bounding)
    return {*attached, *bounding} if request.get("OnlyAttached") else None


def _in_scope(
    iam: Iam,
    context: RequestContext,
    request: Mapping[str, Any],
    attached: Counter[str],
    bounding: Counter[str],
) -> Iterator[tuple[str, dict[str, Any]]]:
    scope, prefix = request.get("Scope", "All"), request.get("PathPrefix", "/")
    if scope != "Local":
        arns = {*aws_managed.DOCUMENTS, *attached, *bounding}
        known = [parse_policy_arn(arn) for arn in arns if arn.startswith(aws_managed.PREFIX)]
        for arn in sorted(known, key=lambda each: each.name):
            if arn.path.startswith(prefix):
                yield f"AWS/{arn.name}", _listed_aws_managed(str(arn), attached, bounding)
    if scope != "AWS":
        for marker, policy in beneath_path(iam, context, POLICY, request):
            yield f"Local/{marker}", _listed(policy, attached, bounding)


def _listed(
    policy: ManagedPolicy, attached: Counter[str], bounding: Counter[str]
) -> dict[str, Any]:
    """A policy as AWS's Policy, without what lists leave out."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}",
        "AttachmentCount": attached[policy.arn],
        "PermissionsBoundaryUsageCount": bounding[policy.arn],
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }


def _listed_aws_managed(
    text: str, attached: Counter[str], bounding: Counter[str]
) -> dict[str, Any]:
    """One of AWS's own: what its ARN says, and no dates and no id, which are not known here."""
    arn = parse_policy_arn(text)
    return {
        "PolicyName": arn.name,
        "Arn": text,
        "Path": arn.path,
        "DefaultVersionId": "v1",
        "AttachmentCount": attached[text],
        "PermissionsBoundaryUsageCount": bounding[text],
        "IsAttachable": True,
    }


OPERATIONS = {
    "CreatePolicy": create_policy,
    "DeletePolicy": delete_policy,
    "GetPolicy": get_policy,
    "ListPolicies": list_policies,
}
