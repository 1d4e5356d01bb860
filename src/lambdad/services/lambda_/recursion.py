"""What happens when a function is found to invoke itself over and over: Terminate or Allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane


async def put_function_recursion_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Set it."""
    name = names.resolve_unqualified(context, request)
    async with control.changes.lock(name.key):
        function = names.find_function(control.resources, name)
        function = replace(function, recursive_loop=request["RecursiveLoop"])
        await control.resources.save(function)
    return {"RecursiveLoop": function.recursive_loop}


async def get_function_recursion_config(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Tell it: Terminate until it is set."""
    name = names.resolve_unqualified(context, request)
    return {"RecursiveLoop": names.find_function(control.resources, name).recursive_loop}


OPERATIONS = {
    "GetFunctionRecursionConfig": get_function_recursion_config,
    "PutFunctionRecursionConfig": put_function_recursion_config,
}
