"""Inline policies of roles, users and groups: documents that belong to one of them alone."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.policy_document import fault_of_identity_policy
from lambdad.services.iam import documents
from lambdad.services.iam.entities import BEARERS, Bearer, Kind, find
from lambdad.services.iam.errors import no_such_entity
from lambdad.services.iam.iam import Iam
from lambdad.services.iam.paging import page

# Characters that all inline policies of one bearer may have together.
_SIZES = {"Group": 5120, "Role": 10_240, "User": 2048}


async def put_policy(
    kind: Kind[Bearer], iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Add a policy, or replace the one of that name."""
    document = documents.checked(request["PolicyDocument"], fault_of_identity_policy)
    async with iam.lock:
        bearer = find(iam, context, kind, request)
        policies = {**bearer.inline_policies, request["PolicyName"]: document}
        if sum(map(documents.size, policies.values())) > _SIZES[kind.noun]:
            raise ClientError(
                "LimitExceededException",
                f"Maximum policy size of {_SIZES[kind.noun]} bytes exceeded for "
                f"{kind.noun.lower()} {bearer.name}",
            )
        await iam.resources.save(replace(bearer, inline_policies=policies))
    return {}


async def get_policy(
    kind: Kind[Bearer], iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """One policy with its document."""
    bearer = find(iam, context, kind, request)
    name = _known(kind, bearer, request["PolicyName"])
    return {
        kind.parameter: bearer.name,
        "PolicyName": name,
        "PolicyDocument": documents.encoded(bearer.inline_policies[name]),
    }


async def list_policies(
    kind: Kind[Bearer], iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of names."""
    bearer = find(iam, context, kind, request)
    names = sorted(bearer.inline_policies)
    found, following = page(zip(names, names, strict=True), request)
    return {"PolicyNames": found, **following}


async def delete_policy(
    kind: Kind[Bearer], iam: Iam, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete one policy."""
    async with iam.lock:
        bearer = find(iam, context, kind, request)
        gone = _known(kind, bearer, request["PolicyName"])
        left = {name: text for name, text in bearer.inline_policies.items() if name != gone}
        await iam.resources.save(replace(bearer, inline_policies=left))
    return {}


def _known(kind: Kind[Bearer], bearer: Bearer, name: str) -> str:
    if name not in bearer.inline_policies:
        raise no_such_entity(f"The {kind.noun.lower()} policy with name {name} cannot be found.")
    return name


OPERATIONS = {
    name: partial(run, kind)
    for kind in BEARERS
    for name, run in (
        (f"Delete{kind.noun}Policy", delete_policy),
        (f"Get{kind.noun}Policy", get_policy),
        (f"List{kind.noun}Policies", list_policies),
        (f"Put{kind.noun}Policy", put_policy),
    )
}
