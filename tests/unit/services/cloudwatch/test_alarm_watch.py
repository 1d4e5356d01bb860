"""The watch over alarms."""

from __future__ import annotations

from typing import Any

from lambdad.clock import FakeClock
from lambdad.model.alarm_document import ALARM, Alarm
from lambdad.services.cloudwatch import AlarmWatch, CloudWatch

ACCOUNT, REGION = "000000000000", "us-east-1"


async def test_an_alarm_that_cannot_be_evaluated_stops_no_other(
    cloudwatch: CloudWatch, clock: FakeClock
) -> None:
    # Given an alarm whose settings make no sense, before one that does
    settings: dict[str, Any] = {
        "Namespace": "Shop",
        "MetricName": "Load",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
    }
    for name, period in (("a", "soon"), ("b", 60)):
        await cloudwatch.resources.save(
            Alarm(ACCOUNT, REGION, name, False, {**settings, "Period": period}, clock.now())
        )
    # When
    await AlarmWatch(cloudwatch).look()
    # Then
    found = cloudwatch.resources.find(Alarm, ACCOUNT, REGION, "b")
    assert found is not None
    assert found.state == ALARM
