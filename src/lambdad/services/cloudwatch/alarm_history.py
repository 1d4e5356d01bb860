"""DescribeAlarmHistory: what has happened to alarms."""

from __future__ import annotations

from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.paging import page
from lambdad.store.alarm_history import KEPT_SECONDS

USUAL_PAGE = 100


async def describe_alarm_history(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of the history, the newest first; of metric alarms alone unless others are asked."""
    now = cloudwatch.clock.now()
    start, end = request.get("StartDate"), request.get("EndDate")
    types = request.get("AlarmTypes") or (
        ["MetricAlarm", "CompositeAlarm"] if "AlarmName" in request else ["MetricAlarm"]
    )
    entries = await cloudwatch.history.read(
        context.caller.account_id,
        context.caller.region,
        alarm_name=request.get("AlarmName"),
        item_type=request.get("HistoryItemType"),
        start=now - KEPT_SECONDS if start is None else start.timestamp(),
        end=now if end is None else end.timestamp(),
        newest_first=request.get("ScanBy", "TimestampDescending") == "TimestampDescending",
    )
    found = [entry for entry in entries if entry.alarm_type in types]
    size = request.get("MaxRecords", USUAL_PAGE)
    shown, following = page(found, request.get("NextToken"), size)
    items = [
        {
            "AlarmName": entry.alarm_name,
            "AlarmType": entry.alarm_type,
            "Timestamp": entry.at,
            "HistoryItemType": entry.item_type,
            "HistorySummary": entry.summary,
            "HistoryData": entry.data,
        }
        for entry in shown
    ]
    return {"AlarmHistoryItems": items, **following}


OPERATIONS = {"DescribeAlarmHistory": describe_alarm_history}
