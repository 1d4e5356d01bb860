"""GetAccountSettings: an account's limits in a region, and what it uses of them."""

from __future__ import annotations

from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.function import Function
from lambdad.model.limits import CODE_UNZIPPED, CODE_ZIPPED
from lambdad.services.lambda_.claims import account_claims
from lambdad.services.lambda_.code_storage import code_storage
from lambdad.services.lambda_.control_plane import ControlPlane


async def get_account_settings(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """AccountLimit and AccountUsage."""
    account_id, region = context.caller.account_id, context.caller.region
    claimed = account_claims(control.resources, account_id, region)
    functions = control.resources.list(Function, account_id, region)
    return {
        "AccountLimit": {
            "TotalCodeSize": control.code_storage,
            "CodeSizeUnzipped": CODE_UNZIPPED,
            "CodeSizeZipped": CODE_ZIPPED,
            "ConcurrentExecutions": control.concurrency,
            "UnreservedConcurrentExecutions": max(0, control.concurrency - claimed),
        },
        "AccountUsage": {
            "TotalCodeSize": code_storage(control.resources, account_id, region),
            "FunctionCount": sum(1 for _ in functions),
        },
    }


OPERATIONS = {"GetAccountSettings": get_account_settings}
