"""AWS IAM: roles, users, groups, policies. All of it is an account's, whatever the region."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.iam import (
    access_keys,
    account,
    attachments,
    boundaries,
    groups,
    inline_policies,
    instance_profiles,
    policies,
    policy_versions,
    roles,
    tags,
    users,
)
from lambdad.services.iam.iam import Iam

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]

# Every file of operations.
_RESOURCES = (
    access_keys,
    account,
    attachments,
    boundaries,
    groups,
    inline_policies,
    instance_profiles,
    policies,
    policy_versions,
    roles,
    tags,
    users,
)


def operations(iam: Iam) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {
        ("iam", operation): partial(run, iam)
        for resource in _RESOURCES
        for operation, run in resource.OPERATIONS.items()
    }


__all__ = ["Iam", "Operation", "operations"]
