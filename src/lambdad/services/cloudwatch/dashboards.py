"""Dashboards: stored as they are, for tools that show them."""

from __future__ import annotations

import json
import re
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.dashboard import Dashboard
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.paging import page
from lambdad.services.cloudwatch.tags import checked_tags

PAGE_SIZE = 100
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


async def put_dashboard(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Create a dashboard, or replace its body."""
    name, body = request["DashboardName"], request["DashboardBody"]
    if not _NAME.fullmatch(name):
        raise _invalid_input(
            f"The value {name} for field DashboardName contains invalid characters. It can only "
            "contain alphanumerics, dash (-) and underscore (_)."
        )
    _check_body(body)
    account_id = context.caller.account_id
    async with cloudwatch.lock:
        there = cloudwatch.resources.find(Dashboard, account_id, "", name)
        tags = there.tags if there is not None else checked_tags(request.get("Tags") or ())
        dashboard = Dashboard(account_id, name, body, cloudwatch.clock.now(), tags)
        await cloudwatch.resources.save(dashboard)
    return {"DashboardValidationMessages": []}


async def get_dashboard(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A dashboard with its body."""
    dashboard = _require(cloudwatch, context.caller, request["DashboardName"])
    return {
        "DashboardArn": dashboard.arn,
        "DashboardName": dashboard.name,
        "DashboardBody": dashboard.body,
    }


async def list_dashboards(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of dashboards by name."""
    prefix = request.get("DashboardNamePrefix", "")
    account_id = context.caller.account_id
    found = list(cloudwatch.resources.list(Dashboard, account_id, "", prefix=prefix))
    shown, following = page(found, request.get("NextToken"), PAGE_SIZE)
    entries = [
        {
            "DashboardArn": each.arn,
            "DashboardName": each.name,
            "LastModified": each.modified_at,
            "Size": len(each.body.encode()),
        }
        for each in shown
    ]
    return {"DashboardEntries": entries, **following}


async def delete_dashboards(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Delete dashboards, all or none."""
    async with cloudwatch.lock:
        gone = [_require(cloudwatch, context.caller, name) for name in request["DashboardNames"]]
        await cloudwatch.resources.delete(*gone)
    return {}


def _check_body(body: str) -> None:
    try:
        is_object = isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise _invalid_input("The field DashboardBody must be a valid JSON object")


def _require(cloudwatch: CloudWatch, caller: Caller, name: str) -> Dashboard:
    found = cloudwatch.resources.find(Dashboard, caller.account_id, "", name)
    if found is None:
        raise ClientError("DashboardNotFoundError", f"Dashboard {name} does not exist")
    return found


def _invalid_input(message: str) -> ClientError:
    return ClientError(
        "DashboardInvalidInputError",
        message,
        members={"dashboardValidationMessages": [{"Message": message}]},
    )


OPERATIONS = {
    "DeleteDashboards": delete_dashboards,
    "GetDashboard": get_dashboard,
    "ListDashboards": list_dashboards,
    "PutDashboard": put_dashboard,
}
