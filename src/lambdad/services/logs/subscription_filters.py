"""Subscription filters: put, describe, delete. What they bring about is in subscription_feed.py."""

from __future__ import annotations

import asyncio
from typing import Any

from lambdad.arn import parse_function_identifier
from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.function import Function
from lambdad.model.policy import Policy
from lambdad.model.policy_language import AccessRequest, evaluate
from lambdad.model.principal import Principal
from lambdad.model.subscription_filter import MAX_FILTERS, SubscriptionFilter
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import group_arn, invalid_parameter, require_group
from lambdad.services.logs.paging import page
from lambdad.services.logs.patterns import read_filter_pattern
from lambdad.services.logs.settings import subscriptions_of
from lambdad.store.resources import Resources

FILTER_NOT_FOUND = "The specified subscription filter does not exist."


async def put_subscription_filter(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create a filter, or replace the one of that name, which goes on where it is. A new one gets
    the lines that come from now on."""
    read_filter_pattern(request["filterPattern"])
    caller, name = context.caller, request["filterName"]
    async with logs.lock:
        group = require_group(logs.store, caller, request)
        _check_destination(logs.resources, caller, group, request)
        there = {each.name: each for each in subscriptions_of(logs, caller, group)}
        if name not in there and len(there) >= MAX_FILTERS:
            raise ClientError("LimitExceededException", "Resource limit exceeded.")
        put = SubscriptionFilter(
            caller.account_id,
            caller.region,
            group,
            name,
            request["filterPattern"],
            request["destinationArn"],
            there[name].created_ms if name in there else logs.now_ms(),
            there[name].start_frame if name in there else await _durable_frame(logs),
            request.get("distribution", "ByLogStream"),
            applies_to_transformed_logs=bool(request.get("applyOnTransformedLogs")),
        )
        await logs.resources.save(put)
    logs.subscriptions_changed.set()
    return {}


async def describe_subscription_filters(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """List the filters of a group."""
    caller = context.caller
    group = require_group(logs.store, caller, request)
    prefix = request.get("filterNamePrefix", "")
    chosen = [
        each for each in subscriptions_of(logs, caller, group) if each.name.startswith(prefix)
    ]
    shown, token = page(chosen, lambda each: (each.name,), request)
    result: dict[str, Any] = {"subscriptionFilters": [_description(each) for each in shown]}
    return result if token is None else {**result, "nextToken": token}


async def delete_subscription_filter(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete a filter; events that were accepted for its function stay."""
    caller = context.caller
    async with logs.lock:
        group = require_group(logs.store, caller, request)
        id = f"{group}:{request['filterName']}"
        found = logs.resources.find(SubscriptionFilter, caller.account_id, caller.region, id)
        if found is None:
            raise ClientError("ResourceNotFoundException", FILTER_NOT_FOUND)
        await logs.resources.delete(found)
    return {}


async def _durable_frame(logs: Logs) -> int:
    """The last frame of lines that were there before; what comes from now on is in later ones."""
    frame = logs.store.last_frame
    await asyncio.to_thread(logs.store.flush)
    return frame


def _check_destination(
    resources: Resources, caller: Caller, group: str, request: dict[str, Any]
) -> None:
    """Refuse what is no function that CloudWatch Logs may invoke for this group."""
    arn = request["destinationArn"]
    if not arn.startswith("arn:aws:lambda:"):
        raise invalid_parameter(
            f"lambdad does not support the destination {arn}: a Lambda function can be one."
        )
    if "roleArn" in request:
        raise invalid_parameter("destinationArn for vendor lambda cannot be used with roleArn")
    function = parse_function_identifier(arn)
    if function is None or function.region != caller.region:
        raise invalid_parameter(f"The destinationArn {arn} is invalid.")
    account_id = str(function.account_id)
    owner = f"{function.name}:{function.qualifier}" if function.qualifier else function.name
    policy = resources.find(Policy, account_id, caller.region, owner)
    is_there = resources.find(Function, account_id, caller.region, function.name) is not None
    if not is_there or policy is None or not _allows(policy, arn, account_id, caller, group):
        raise invalid_parameter(
            "Could not execute the lambda function. Make sure you have given CloudWatch Logs "
            "permission to execute your function."
        )


def _allows(policy: Policy, arn: str, account_id: str, caller: Caller, group: str) -> bool:
    """Whether the function's policy lets CloudWatch Logs invoke it for this group. Statements may
    name the service of the region, or that of all."""
    context = {
        "aws:sourcearn": (f"{group_arn(caller, group)}:*",),
        "aws:sourceaccount": (caller.account_id,),
        "aws:principalisawsservice": ("true",),
    }
    return any(
        evaluate(
            None,
            [policy.document.as_json()],
            AccessRequest(
                principal=Principal(service=service),
                action="lambda:InvokeFunction",
                resource=arn,
                owner=account_id,
                context=context,
            ),
        ).is_allowed
        for service in (f"logs.{caller.region}.amazonaws.com", "logs.amazonaws.com")
    )


def _description(found: SubscriptionFilter) -> dict[str, Any]:
    return {
        "filterName": found.name,
        "logGroupName": found.log_group,
        "filterPattern": found.pattern,
        "destinationArn": found.destination_arn,
        "distribution": found.distribution,
        "applyOnTransformedLogs": found.applies_to_transformed_logs,
        "creationTime": found.created_ms,
    }


OPERATIONS = {
    "DeleteSubscriptionFilter": delete_subscription_filter,
    "DescribeSubscriptionFilters": describe_subscription_filters,
    "PutSubscriptionFilter": put_subscription_filter,
}
