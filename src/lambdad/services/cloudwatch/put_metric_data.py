"""PutMetricData: values that a client brings itself."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdad.model.caller import Caller, RequestContext
from lambdad.model.metric import MINUTE, SECOND, Metric
from lambdad.model.statistic_set import StatisticSet
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.dimensions import metric_of
from lambdad.services.cloudwatch.errors import (
    invalid_combination,
    invalid_value,
    missing,
    unsupported,
)

MAX_VALUES = 150
MAX_DATA = 1000
MAX_AGE = 14 * 86_400
MAX_AHEAD = 2 * 3_600
LEAST, GREATEST = 2.0**-360, 2.0**360


@dataclass(frozen=True, slots=True)
class _Datum:
    """Values of a metric at one time."""

    metric: Metric
    unit: str
    at: int
    values: StatisticSet
    is_high_resolution: bool


async def put_metric_data(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Take in values; they are on disk when this returns."""
    if request.get("EntityMetricData"):
        raise unsupported("EntityMetricData; give the same data as MetricData")
    data = request.get("MetricData") or []
    if not data:
        raise missing("The parameter MetricData is required.")
    if len(data) > MAX_DATA:
        raise invalid_value(f"The collection MetricData must not have more than {MAX_DATA} items.")
    namespace, now = request["Namespace"], cloudwatch.clock.now()
    if namespace.startswith("AWS/"):
        raise invalid_value("The value AWS/ for parameter Namespace is invalid.")
    parsed = await asyncio.to_thread(  # there may be 150,000 values
        lambda: [
            _parse(context.caller, namespace, datum, now, f"MetricData.member.{number}")
            for number, datum in enumerate(data, start=1)
        ]
    )
    cloudwatch.logs.note(lambda: _put(cloudwatch, parsed))
    await asyncio.to_thread(cloudwatch.logs.flush)
    return {}


def _put(cloudwatch: CloudWatch, data: list[_Datum]) -> None:
    for datum in data:
        points = cloudwatch.metrics.points(datum.metric)
        points.at(datum.unit, MINUTE, datum.at // MINUTE * MINUTE).merge(datum.values)
        if datum.is_high_resolution:
            points.at(datum.unit, SECOND, datum.at).merge(datum.values)


def _parse(
    caller: Caller, namespace: str, datum: Mapping[str, Any], now: float, place: str
) -> _Datum:
    given = datum.get("Timestamp")
    at = now if given is None else given.timestamp()
    if not now - MAX_AGE <= at <= now + MAX_AHEAD:
        raise invalid_value(
            f"The parameter {place}.Timestamp must specify a time within the past two weeks and no "
            "more than two hours in the future."
        )
    resolution = datum.get("StorageResolution", MINUTE)
    if resolution not in (SECOND, MINUTE):
        raise invalid_value(f"The parameter {place}.StorageResolution must be 1 or 60.")
    return _Datum(
        metric_of(caller, {**datum, "Namespace": namespace}),
        datum.get("Unit", "None"),
        int(at),
        _values(datum, place),
        resolution == SECOND,
    )


def _values(datum: Mapping[str, Any], place: str) -> StatisticSet:
    told = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
    if not told:
        raise missing(
            f"At least one of the parameters {place}.Value, {place}.Values, "
            f"{place}.StatisticValues must be specified."
        )
    if len(told) > 1:
        raise invalid_combination(
            f"The parameters {' and '.join(f'{place}.{name}' for name in told)} are mutually "
            "exclusive and you have specified both."
        )
    match told[0]:
        case "Value":
            return _set_of([datum["Value"]], [1.0], place)
        case "Values":
            return _set_of(datum["Values"], datum.get("Counts"), place)
    return _summary(datum["StatisticValues"], place)


def _set_of(values: list[float], counts: list[float] | None, place: str) -> StatisticSet:
    if counts is None:
        counts = [1.0] * len(values)
    if len(values) != len(counts):
        raise invalid_value(
            f"The parameters {place}.Values and {place}.Counts must be of the same size."
        )
    if len(values) > MAX_VALUES:
        raise invalid_value(
            f"The collection {place}.Values must not have more than {MAX_VALUES} items."
        )
    taken = StatisticSet()
    for value, count in zip(values, counts, strict=True):
        _check_number(value, f"{place}.Value")
        if not 0 < count <= GREATEST:  # so that no sum of products is beyond all numbers
            raise invalid_value(
                f"The parameter {place}.Counts must be greater than 0, and at most 2^360."
            )
        taken.add(value, count)
    return taken


def _summary(told: Mapping[str, float], place: str) -> StatisticSet:
    for name, value in told.items():
        _check_number(value, f"{place}.StatisticValues.{name}")
    count = told["SampleCount"]
    if count <= 0:
        raise invalid_value(
            f"The parameter {place}.StatisticValues.SampleCount must be greater than 0."
        )
    if told["Minimum"] > told["Maximum"]:
        raise invalid_combination(
            f"The parameter {place}.StatisticValues.Maximum must be greater than "
            f"{place}.StatisticValues.Minimum."
        )
    return StatisticSet(count, told["Sum"], told["Minimum"], told["Maximum"], None)


def _check_number(value: float, name: str) -> None:
    if not math.isfinite(value):
        raise invalid_value(f"The value {value} for parameter {name} is invalid.")
    if value != 0 and not LEAST <= abs(value) <= GREATEST:
        raise invalid_value(
            f"The parameter {name} must be in the range of -2^360 to 2^360, and not nearer to 0 "
            "than 2^-360."
        )


OPERATIONS = {"PutMetricData": put_metric_data}
