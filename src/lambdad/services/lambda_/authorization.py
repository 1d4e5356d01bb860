"""Who may do what with a function: its resource-based policy decides.

Within the account everybody may do everything, unless the policy denies it. From another account
nobody may do anything, unless the policy of exactly what is asked for (the function, or the version
or alias that the qualifier names) allows it; whether it exists at all is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from lambdad.arn import LATEST, parse_function_identifier
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.policy import Policy
from lambdad.model.policy_language import AccessRequest, evaluate
from lambdad.model.principal import Principal
from lambdad.model.resource import Key
from lambdad.model.wildcards import Context
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName

# A policy that forbids everything can still be mended by the account itself.
_POLICY_OPERATIONS = frozenset(
    {"GetPolicy", "RemovePermission"}
    | {"DeleteResourcePolicy", "GetResourcePolicy", "PutResourcePolicy"}
)
_FROM_OUTSIDE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"aws:principalisawsservice": ("false",), "aws:viaawsservice": ("false",)}
)


def authorized(
    control: ControlPlane, context: RequestContext, request: Mapping[str, Any]
) -> RequestContext:
    """Refuse a request that its caller may not make; return the context in which it is performed:
    in the function's account, whose layers, roles and configs then count. ResourceArn and Resource
    may name other things than functions."""
    if "FunctionName" not in request:
        arn = request.get("ResourceArn") or request.get("Resource") or ""
        if parse_function_identifier(arn) is None:
            return context
        request = {"FunctionName": arn}
    name = names.read(context, request)
    authorize(control, context, name)
    if name.account_id == context.caller.account_id:
        return context
    caller = context.caller
    # What is refused later on is refused to who asked, whom the account alone would not tell.
    return replace(context, caller=replace(caller, account_id=name.account_id, user=caller.arn))


def authorize(control: ControlPlane, context: RequestContext, name: FunctionName) -> None:
    """Raise AccessDeniedException unless the caller may do with `name` what `context` says."""
    is_own = name.account_id == context.caller.account_id
    if is_own and name.qualifier == LATEST:
        name = replace(name, qualifier=None)  # what the function denies, $LATEST denies
    policy = control.resources.find(Policy, *name.qualified_key)
    if policy is None and is_own:
        return
    request = _access_request(control, context, name)
    if request.principal.is_root and is_own and context.operation in _POLICY_OPERATIONS:
        return
    documents = [policy.document.as_json()] if policy else []
    decision = evaluate(None, documents, request)
    if not decision.is_allowed:
        raise names.access_denied(context, name.arn, is_explicit=decision.is_denied)


def principal_of(caller: Caller) -> Principal:
    """A caller as policies see it: a function whose role is said to be another account's, which
    nobody can pass to it, is no session of that role."""
    is_own_role = caller.role is not None and caller.role.split(":")[4:5] == [caller.account_id]
    return Principal(
        account_id=caller.account_id,
        arn=caller.arn,
        role_arn=caller.role if is_own_role else None,
    )


def _access_request(
    control: ControlPlane, context: RequestContext, name: FunctionName
) -> AccessRequest:
    principal = principal_of(context.caller)
    return AccessRequest(
        principal=principal,
        action=names.action_of(context.operation),
        resource=name.arn,
        owner=name.account_id,
        context={
            **request_keys(
                control.clock.now(),
                name.key,
                is_secure=context.endpoint_url.startswith("https:"),
            ),
            **caller_keys(context.caller, principal),
        },
    )


def request_keys(now: float, function: Key, *, is_secure: bool) -> Context:
    """The condition keys of a request that no AWS service makes, whoever makes it."""
    account_id, region, _ = function
    return {
        **_FROM_OUTSIDE,
        "aws:currenttime": (datetime.fromtimestamp(now, UTC).isoformat(),),
        "aws:epochtime": (str(int(now)),),
        "aws:requestedregion": (region,),
        "aws:resourceaccount": (account_id,),
        "aws:securetransport": ("true" if is_secure else "false",),
    }


def caller_keys(caller: Caller, principal: Principal) -> Context:
    """The condition keys of who makes it; some have more of them than others."""
    keys = {
        "aws:principalaccount": (caller.account_id,),
        "aws:principalarn": (str(principal.role_arn or principal.arn),),
        "aws:principaltype": (_principal_type(caller),),
    }
    if caller.principal_id is not None:
        keys["aws:userid"] = (caller.principal_id,)
    if caller.user is not None:
        keys["aws:username"] = (caller.user.rpartition("/")[2],)
    return keys


def _principal_type(caller: Caller) -> str:
    """The word of policies for what a caller is."""
    if caller.role is not None:
        return "AssumedRole"
    if caller.user is None:
        return "Account"
    return "FederatedUser" if ":federated-user/" in caller.user else "User"
