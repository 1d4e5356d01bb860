"""What is served in part, or has another effect here than on AWS: by operation, for the docs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_AWS_MANAGED = (
    "of AWS's own policies every name is taken; the documents of a few that functions commonly "
    "have are known, as version v1, and of the others none"
)

PARTIAL: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "AttachGroupPolicy",
                "AttachRolePolicy",
                "AttachUserPolicy",
                "PutRolePermissionsBoundary",
                "PutUserPermissionsBoundary",
                "PutGroupPolicy",
                "PutRolePolicy",
                "PutUserPolicy",
            ),
            "policies are kept as they are, and allow or deny nothing yet",
        ),
        "GetAccessKeyLastUsed": "whose key it is; when it was used is not recorded",
        "GetAccountSummary": "counts, and the quotas that hold here",
        "GetPolicy": _AWS_MANAGED,
        "GetPolicyVersion": _AWS_MANAGED,
        "GetRole": "when a role was last used is not recorded",
        "GetUser": "the account itself, as root, has no dates",
        "ListPolicies": "of AWS's own policies, those that are known here and those in use",
        "ListPolicyVersions": _AWS_MANAGED,
    }
)
