"""GetMetricData: many metrics, searches and expressions in one request."""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.dynamic_label import (
    Viewpoint,
    check_label,
    fill_label,
    is_dynamic,
    parse_timezone,
)
from lambdad.model.metric_math.values import Series
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.errors import validation_error
from lambdad.services.cloudwatch.metric_queries import find, parse_queries
from lambdad.services.cloudwatch.paging import place_of

MAX_DATAPOINTS = 100_800

_Point = tuple[int, int, float]  # number of the result, time, value


async def get_metric_data(
    cloudwatch: CloudWatch, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """A page of datapoints: of each result the newest first, or the oldest if that is asked for."""
    queries = parse_queries(request["MetricDataQueries"])
    start, end = request["StartTime"].timestamp(), request["EndTime"].timestamp()
    viewpoint = _viewpoint(cloudwatch, context, request)
    shown = [query for query in queries.queries if query.get("ReturnData", True)]
    if not shown:
        raise validation_error("At least one MetricDataQuery must have ReturnData true.")
    found = await find(cloudwatch.metrics, context.caller, queries, start, end)
    results = await asyncio.to_thread(
        lambda: [
            (query["Id"], _labelled(query, _between(series, start, end), viewpoint))
            for query in shown
            for series in found[query["Id"]]
        ]
    )
    is_ascending = request.get("ScanBy") == "TimestampAscending"
    first = place_of(request.get("NextToken"))
    limit = request.get("MaxDatapoints", MAX_DATAPOINTS)
    if not 0 < limit <= MAX_DATAPOINTS:
        raise validation_error(
            f"The parameter MaxDatapoints must be between 1 and {MAX_DATAPOINTS}."
        )
    points = _points([series for _, series in results], is_ascending=is_ascending)
    page = list(islice(points, first, first + limit))
    return {
        "MetricDataResults": _results(results, page, is_first=first == 0),
        "Messages": [],
        **({"NextToken": str(first + limit)} if next(points, None) is not None else {}),
    }


def _viewpoint(
    cloudwatch: CloudWatch, context: RequestContext, request: Mapping[str, Any]
) -> Viewpoint:
    """What dynamic labels are filled in with, once those of the request have been checked."""
    caller = context.caller
    options = request.get("LabelOptions") or {}
    try:
        for query in request["MetricDataQueries"]:
            check_label(query.get("Label", ""))
        zone = parse_timezone(options.get("Timezone", "+0000"))
    except ValueError as error:
        raise validation_error(str(error)) from None
    return Viewpoint(caller.account_id, caller.region, cloudwatch.clock.now(), zone)


def _between(series: Series, start: float, end: float) -> Series:
    """The part of a series whose periods lie in the time that is asked for, if not wholly."""
    first = bisect_right(series.times, start - series.period)
    last = bisect_left(series.times, end)
    return replace(series, times=series.times[first:last], values=series.values[first:last])


def _labelled(query: Mapping[str, Any], series: Series, viewpoint: Viewpoint) -> Series:
    label = query.get("Label", "")
    if not is_dynamic(label):
        return series
    return replace(series, label=fill_label(label, series, viewpoint))


def _points(all_series: Sequence[Series], *, is_ascending: bool) -> Iterator[_Point]:
    for number, series in enumerate(all_series):
        pairs = list(zip(series.times, series.values, strict=True))
        for at, value in pairs if is_ascending else reversed(pairs):
            yield number, at, value


def _results(
    results: list[tuple[str, Series]], page: list[_Point], *, is_first: bool
) -> list[dict[str, Any]]:
    """Results without points are told on the first page alone."""
    times: dict[int, list[int]] = {}
    values: dict[int, list[float]] = {}
    for number, at, value in page:
        times.setdefault(number, []).append(at)
        values.setdefault(number, []).append(value)
    return [
        {
            "Id": id,
            "Label": series.label,
            "Timestamps": times.get(number, []),
            "Values": values.get(number, []),
            "StatusCode": "Complete",
        }
        for number, (id, series) in enumerate(results)
        if number in times or is_first
    ]


OPERATIONS = {"GetMetricData": get_metric_data}
