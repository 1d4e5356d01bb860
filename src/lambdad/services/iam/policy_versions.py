"""Versions of managed policies: at most five, one of which counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.iam import aws_managed
from lambdad.model.iam.managed_policy import ManagedPolicy, PolicyVersion
from lambdad.services.iam.documents import encoded
from lambdad.services.iam.entities import POLICY
from lambdad.services.iam.errors import delete_conflict, no_such_entity
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import by_place, page
from lambdad.services.iam.policies import checked_document
from lambdad.services.iam.policy_names import find_own_policy, find_policy

MAX_VERSIONS = 5
_ONLY = "v1"  # of AWS's own policies


async def create_policy_version(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Add a version; with SetAsDefault it counts at once."""
    document = checked_document(request["PolicyDocument"])
    async with iam.lock:
        policy = find_own_policy(iam, context, request["PolicyArn"])
        if len(policy.versions) >= MAX_VERSIONS:
            raise ClientError(
                "LimitExceededException",
                f"A managed policy can have up to {MAX_VERSIONS} versions. Before you create a "
                "new version, you must delete an existing version.",
            )
        now = iam.now()
        version = PolicyVersion(policy.last_version + 1, document, now)
        is_default = request.get("SetAsDefault", False)
        policy = replace(
            policy,
            versions=(*policy.versions, version),
            last_version=version.number,
            default_version=version.number if is_default else policy.default_version,
            updated=now,
        )
        await iam.resources.save(policy)
    return {"PolicyVersion": _listed(policy, version)}


async def get_policy_version(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One version with its document; of AWS's own policies few documents are known."""
    policy = find_policy(iam, context, request["PolicyArn"])
    if policy is None:
        return {"PolicyVersion": _aws_managed(request["PolicyArn"], request["VersionId"])}
    version = _find(policy, request["VersionId"])
    document = encoded(version.document)
    return {"PolicyVersion": {"Document": document, **_listed(policy, version)}}


async def list_policy_versions(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of versions, the newest first."""
    policy = find_policy(iam, context, request["PolicyArn"])
    if policy is None:
        return {"Versions": [_listed_aws_managed()], "IsTruncated": False}
    found, following = page(by_place(reversed(policy.versions)), request)
    return {"Versions": [_listed(policy, version) for version in found], **following}


async def set_default_policy_version(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Let another version count."""
    async with iam.lock:
        policy = find_own_policy(iam, context, request["PolicyArn"])
        number = _find(policy, request["VersionId"]).number
        await iam.resources.save(replace(policy, default_version=number, updated=iam.now()))
    return {}


async def delete_policy_version(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a version that does not count."""
    async with iam.lock:
        policy = find_own_policy(iam, context, request["PolicyArn"])
        gone = _find(policy, request["VersionId"])
        if gone.number == policy.default_version:
            raise delete_conflict("Cannot delete the default version of a policy.")
        left = tuple(version for version in policy.versions if version != gone)
        await iam.resources.save(replace(policy, versions=left, updated=iam.now()))
    return {}


def _find(policy: ManagedPolicy, id: str) -> PolicyVersion:
    for version in policy.versions:
        if version.id == id:
            return version
    raise _missing(policy.arn, id)


def _missing(arn: str, id: str) -> ClientError:
    return no_such_entity(POLICY.missing.format(f"{arn} version {id}"))


def _listed(policy: ManagedPolicy, version: PolicyVersion) -> dict[str, Any]:
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.number == policy.default_version,
        "CreateDate": version.created,
    }


def _aws_managed(arn: str, id: str) -> dict[str, Any]:
    if id != _ONLY:
        raise _missing(arn, id)
    document = aws_managed.DOCUMENTS.get(arn)
    return {**({"Document": encoded(document)} if document else {}), **_listed_aws_managed()}


def _listed_aws_managed() -> dict[str, Any]:
    return {"VersionId": _ONLY, "IsDefaultVersion": True}


OPERATIONS = {
    "CreatePolicyVersion": create_policy_version,
    "DeletePolicyVersion": delete_policy_version,
    "GetPolicyVersion": get_policy_version,
    "ListPolicyVersions": list_policy_versions,
    "SetDefaultPolicyVersion": set_default_policy_version,
}
