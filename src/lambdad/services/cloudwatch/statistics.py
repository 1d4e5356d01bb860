"""GetMetricStatistics: one metric's statistics, period by period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.metric import FIVE_MINUTES, HOUR, KEPT, MINUTE
from lambdad.model.statistic_set import SIMPLE, StatisticSet, is_statistic
from lambdad.observe.metric_store import Wanted
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.dimensions import metric_of
from lambdad.services.cloudwatch.errors import (
    invalid_combination,
    invalid_value,
    missing,
    validation_error,
)

MAX_DATAPOINTS = 1_440
HIGH_RESOLUTION = (1, 5, 10, 20, 30)


async def get_metric_statistics(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """The datapoints of a range, in no order that anybody promises."""
    period = check_period(request["Period"])
    start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
    _check_range(start, end, period)
    names = _statistics(request)
    first = rounded_start(start, period, cloudwatch.clock.now())
    found = await cloudwatch.metrics.read(
        Wanted(
            metric_of(context.caller, request),
            request.get("Unit"),
            first,
            int(-(-end // 1)),
            period,
            with_buckets=bool(request.get("ExtendedStatistics")),
        )
    )
    datapoints = [
        _datapoint(at, unit, values, names)
        for unit, sets in found.items()
        for at, values in sorted(sets.items())
    ]
    return {"Label": request["MetricName"], "Datapoints": datapoints}


def check_period(period: int) -> int:
    """A period that CloudWatch knows: a multiple of a minute, or a part of one."""
    if period % MINUTE and period not in HIGH_RESOLUTION:
        raise invalid_value(
            "The parameter Period must be 1, 5, 10, 20, 30, or a multiple of 60 seconds."
        )
    return period


def rounded_start(start: float, period: int, now: float) -> int:
    """Where the first period begins: what is older is only told in coarser steps."""
    if period < MINUTE:
        step = period
    elif now - start <= KEPT[MINUTE]:
        step = MINUTE
    else:
        step = FIVE_MINUTES if now - start <= KEPT[FIVE_MINUTES] else HOUR
    return int(start) // step * step


def _check_range(start: float, end: float, period: int) -> None:
    if start >= end:
        raise validation_error("The parameter StartTime must be less than the parameter EndTime.")
    wanted = int(-(-(end - start) // period))
    if wanted > MAX_DATAPOINTS:
        raise invalid_combination(
            f"You have requested up to {wanted:,} datapoints, which exceeds the limit of "
            f"{MAX_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or "
            "decreasing the time range."
        )


def _statistics(request: Mapping[str, Any]) -> list[str]:
    names = [*(request.get("Statistics") or ()), *(request.get("ExtendedStatistics") or ())]
    if not names:
        raise missing("At least one of the parameters ExtendedStatistics, Statistics is required.")
    for name in request.get("ExtendedStatistics") or ():
        if name in SIMPLE or not is_statistic(name):
            raise invalid_value(f"The value {name} for parameter ExtendedStatistics is invalid.")
    return names


def _datapoint(at: int, unit: str, values: StatisticSet, names: list[str]) -> dict[str, Any]:
    told = {name: value for name in names if (value := values.statistic(name)) is not None}
    datapoint: dict[str, Any] = {"Timestamp": at, "Unit": unit}
    datapoint.update({name: value for name, value in told.items() if name in SIMPLE})
    extended = {name: value for name, value in told.items() if name not in SIMPLE}
    if extended:
        datapoint["ExtendedStatistics"] = extended
    return datapoint


OPERATIONS = {"GetMetricStatistics": get_metric_statistics}
