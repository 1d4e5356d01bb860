"""Permissions of layer versions: which accounts may use a layer of another one."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from lambdad.arn import caller_arn, layer_arn
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.layer import Layer, LayerVersion
from lambdad.model.policy import LayerPolicy, PolicyDocument, compact_json, permission_statement
from lambdad.model.policy_language import AccessRequest, evaluate
from lambdad.model.principal import Principal, principal_element
from lambdad.model.resource import Key
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.layer_names import resolve_own_layer, resolve_version_number
from lambdad.services.lambda_.policy_changes import (
    check_policy_revision,
    existing,
    with_permission,
    without_permission,
)

ACTION = "lambda:GetLayerVersion"
GET = "GetLayerPolicy"  # so AWS calls it in the error


async def add_layer_version_permission(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Let another account, an organization or everybody use a layer version."""
    key = _key(context, request)
    if "OrganizationId" in request and request["Principal"] != "*":
        raise ClientError(
            "InvalidParameterValueException",
            "OrganizationId can only be specified when the Principal is *.",
        )
    principal = principal_element(request["Principal"])
    assert principal is not None  # the model's pattern knows no others
    async with control.changes.lock(_layer_key(key), Layer.kind):
        layer_version = _find(control, key)
        policy = control.resources.find(LayerPolicy, *key)
        check_policy_revision(policy, request.get("RevisionId"), GET)
        statement = permission_statement(request, principal, layer_version.arn)
        document = with_permission(policy.document if policy else PolicyDocument(), statement)
        policy = LayerPolicy(*key, str(uuid4()), document)
        await control.resources.save(policy)
    return {"Statement": compact_json(statement), "RevisionId": policy.revision_id}


async def remove_layer_version_permission(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Remove a statement; with the last one goes the policy."""
    key = _key(context, request)
    async with control.changes.lock(_layer_key(key), Layer.kind):
        _find(control, key)
        policy = existing(control.resources.find(LayerPolicy, *key))
        document = without_permission(policy.document, request["StatementId"])
        check_policy_revision(policy, request.get("RevisionId"), GET)
        if document.statements:
            await control.resources.save(LayerPolicy(*key, str(uuid4()), document))
        else:
            await control.resources.delete(policy)
    return {}


async def get_layer_version_policy(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The policy of a layer version."""
    key = _key(context, request)
    _find(control, key)
    policy = existing(control.resources.find(LayerPolicy, *key))
    return {"Policy": policy.document.text, "RevisionId": policy.revision_id}


def may_use_layer(control: ControlPlane, caller_account: str, layer_version: LayerVersion) -> bool:
    """Whether this account may use a layer version: its own, or one whose policy lets it.

    Nobody here is in an organization, so that what is granted to one is granted to nobody else.
    """
    if caller_account == layer_version.account_id:
        return True
    policy = control.resources.find(LayerPolicy, *layer_version.key)
    request = AccessRequest(
        principal=Principal(account_id=caller_account, arn=caller_arn(caller_account)),
        action=ACTION,
        resource=layer_version.arn,
        owner=layer_version.account_id,
        context={"aws:principalaccount": (caller_account,)},
    )
    return evaluate(None, [policy.document.as_json()] if policy else [], request).is_allowed


def _key(context: RequestContext, request: dict[str, Any]) -> Key:
    """Where the layer version lives that a request means: one of the caller's own."""
    name = resolve_own_layer(context, request)
    return (name.account_id, name.region, f"{name.name}:{resolve_version_number(request)}")


def _layer_key(key: Key) -> Key:
    account_id, region, id = key
    return (account_id, region, id.partition(":")[0])


def _find(control: ControlPlane, key: Key) -> LayerVersion:
    found = control.resources.find(LayerVersion, *key)
    if found is None:
        account_id, region, id = key
        raise ClientError(
            "ResourceNotFoundException",
            f"Layer version {layer_arn(account_id, region, id)} does not exist.",
        )
    return found


OPERATIONS = {
    "AddLayerVersionPermission": add_layer_version_permission,
    "GetLayerVersionPolicy": get_layer_version_policy,
    "RemoveLayerVersionPermission": remove_layer_version_permission,
}
