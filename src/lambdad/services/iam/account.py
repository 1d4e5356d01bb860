"""The account itself: its alias, and how much it has."""

from __future__ import annotations

from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.iam.account_alias import AccountAlias
from lambdad.model.iam.group import Group
from lambdad.model.iam.instance_profile import InstanceProfile
from lambdad.model.iam.managed_policy import ManagedPolicy
from lambdad.model.iam.role import Role
from lambdad.model.iam.user import User
from lambdad.services.iam import documents
from lambdad.services.iam.access_keys import MAX_KEYS
from lambdad.services.iam.attachments import MAX_ATTACHED
from lambdad.services.iam.errors import already_exists, no_such_entity
from lambdad.services.iam.groups import MAX_GROUPS
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.policy_versions import MAX_VERSIONS

# Quotas that hold here; how many roles, users and policies there are is not limited.
_QUOTAS = {
    "AccessKeysPerUserQuota": MAX_KEYS,
    "AssumeRolePolicySizeQuota": documents.TRUST_POLICY_SIZE,
    "AttachedPoliciesPerGroupQuota": MAX_ATTACHED,
    "AttachedPoliciesPerRoleQuota": MAX_ATTACHED,
    "AttachedPoliciesPerUserQuota": MAX_ATTACHED,
    "GroupsPerUserQuota": MAX_GROUPS,
    "PolicySizeQuota": documents.MANAGED_POLICY_SIZE,
    "VersionsPerPolicyQuota": MAX_VERSIONS,
}


async def create_account_alias(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Give the account another name, instead of the one that it has."""
    account_id, name = context.caller.account_id, request["AccountAlias"]
    async with iam.lock:
        if any(alias.name == name for alias in iam.resources.all(AccountAlias)):
            raise already_exists(f"The account alias {name} already exists.")
        old = tuple(iam.resources.list(AccountAlias, account_id, ""))
        await iam.resources.save(AccountAlias(account_id, name), deleted=old)
    return {}


async def delete_account_alias(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Take the other name away."""
    account_id, name = context.caller.account_id, request["AccountAlias"]
    async with iam.lock:
        alias = iam.resources.find(AccountAlias, account_id, "", name)
        if alias is None:
            raise no_such_entity(f"The account alias with name {name} cannot be found.")
        await iam.resources.delete(alias)
    return {}


async def list_account_aliases(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The account's alias, if it has one."""
    aliases = iam.resources.list(AccountAlias, context.caller.account_id, "")
    return {"AccountAliases": [alias.name for alias in aliases], "IsTruncated": False}


async def get_account_summary(
    iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """How much of each kind there is."""
    account_id = context.caller.account_id
    policies = list(iam.resources.list(ManagedPolicy, account_id, ""))
    counts = {
        "Groups": len(list(iam.resources.list(Group, account_id, ""))),
        "InstanceProfiles": len(list(iam.resources.list(InstanceProfile, account_id, ""))),
        "Policies": len(policies),
        "PolicyVersionsInUse": sum(len(policy.versions) for policy in policies),
        "Roles": len(list(iam.resources.list(Role, account_id, ""))),
        "Users": len(list(iam.resources.list(User, account_id, ""))),
    }
    return {"SummaryMap": {**counts, **_QUOTAS}}


OPERATIONS = {
    "CreateAccountAlias": create_account_alias,
    "DeleteAccountAlias": delete_account_alias,
    "GetAccountSummary": get_account_summary,
    "ListAccountAliases": list_account_aliases,
}
