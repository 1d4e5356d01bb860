"""Who may call a function URL: its resource-based policy decides.

Whoever calls needs leave for two actions, to invoke the URL and to invoke the function through one.
With AuthType NONE the caller is nobody in particular, and the policy has to let everybody in; with
AWS_IAM it is who has signed.
"""

from __future__ import annotations

from lambdad.model.caller import Caller
from lambdad.model.function_url import FunctionUrl
from lambdad.model.policy import Policy
from lambdad.model.policy_language import AccessRequest, evaluate
from lambdad.model.principal import Principal
from lambdad.model.web_request import WebRequest
from lambdad.model.wildcards import Context
from lambdad.services.lambda_.authorization import caller_keys, principal_of, request_keys
from lambdad.services.lambda_.control_plane import ControlPlane

_ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")


def may_call(
    control: ControlPlane, url: FunctionUrl, request: WebRequest, caller: Caller | None
) -> bool:
    """Whether this caller, None for one who is not known, may call the URL."""
    policy = control.resources.find(Policy, *url.key)
    if policy is None:
        return caller is not None and caller.account_id == url.account_id
    documents = [policy.document.as_json()]
    principal = Principal() if caller is None else principal_of(caller)
    context = _condition_keys(control, url, request)
    if caller is not None:
        context = {**context, **caller_keys(caller, principal)}
    return all(
        evaluate(
            None,
            documents,
            AccessRequest(
                principal=principal,
                action=action,
                resource=url.arn,
                owner=url.account_id,
                context=context,
            ),
        ).is_allowed
        for action in _ACTIONS
    )


def _condition_keys(control: ControlPlane, url: FunctionUrl, request: WebRequest) -> Context:
    now = control.clock.now()
    return {
        **request_keys(now, url.key, is_secure=request.scheme == "https"),
        "aws:sourceip": (request.source_ip,),
        "aws:useragent": (request.headers.get("user-agent", ""),),
        "lambda:functionurlauthtype": (url.auth_type,),
        "lambda:invokedviafunctionurl": ("true",),
    }
