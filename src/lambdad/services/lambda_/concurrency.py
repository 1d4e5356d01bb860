"""Reserved concurrency: what a function has for all its versions, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.errors import invalid_parameter
from lambdad.model.caller import RequestContext
from lambdad.model.concurrency import least_unreserved
from lambdad.model.function import Function
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.claims import (
    account_claims,
    account_key,
    apply_claims,
    function_concurrency,
)
from lambdad.services.lambda_.control_plane import ControlPlane


async def put_function_concurrency(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Reserve concurrency, which is a limit too; 0 stops the function."""
    name = names.resolve_unqualified(context, request)
    reserved = request["ReservedConcurrentExecutions"]
    async with control.changes.lock(name.key), control.changes.lock(account_key(name.key)):
        function = names.find_function(control.resources, name)
        _check(control, function, reserved)
        function = replace(function, reserved_concurrency=reserved)
        await control.resources.save(function)
        apply_claims(control, name.key)
    return reserved_concurrency(function)


async def get_function_concurrency(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """What is reserved; empty when nothing is."""
    name = names.resolve_unqualified(context, request)
    return reserved_concurrency(names.find_function(control.resources, name))


async def delete_function_concurrency(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Let the function share what is unreserved again."""
    name = names.resolve_unqualified(context, request)
    async with control.changes.lock(name.key), control.changes.lock(account_key(name.key)):
        function = names.find_function(control.resources, name)
        if function.reserved_concurrency is not None:
            await control.resources.save(replace(function, reserved_concurrency=None))
            apply_claims(control, name.key)
    return {}


def reserved_concurrency(function: Function) -> dict[str, Any]:
    """What is reserved for a function as AWS's Concurrency."""
    if function.reserved_concurrency is None:
        return {}
    return {"ReservedConcurrentExecutions": function.reserved_concurrency}


def _check(control: ControlPlane, function: Function, reserved: int) -> None:
    """It leaves enough to the functions that have nothing reserved, and covers what is
    provisioned."""
    provisioned = function_concurrency(control.resources, function).provisioned_in_all
    if reserved < provisioned:
        raise invalid_parameter(
            f"ReservedConcurrentExecutions  {reserved} should not be lower than function's total "
            f"provisioned concurrency [{provisioned}]."
        )
    account_id, region, name = function.key
    claimed = account_claims(control.resources, account_id, region, besides=name)
    least = least_unreserved(control.concurrency)
    if reserved and control.concurrency - claimed - reserved < least:
        raise invalid_parameter(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{least}]."
        )


OPERATIONS = {
    "DeleteFunctionConcurrency": delete_function_concurrency,
    "GetFunctionConcurrency": get_function_concurrency,
    "PutFunctionConcurrency": put_function_concurrency,
}
