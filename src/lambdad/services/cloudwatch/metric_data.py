"""GetMetricData: many metrics, searches and expressions in one request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from lambdad.model.caller import RequestContext
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
    found = await find(cloudwatch.metrics, context.caller, queries, start, end)
    results = [
        (query["Id"], series)
        for query in queries.queries
        if query.get("ReturnData", True)
        for series in found[query["Id"]]
    ]
    if not any(query.get("ReturnData", True) for query in queries.queries):
        raise validation_error("At least one MetricDataQuery must have ReturnData true.")
    is_ascending = request.get("ScanBy") == "TimestampAscending"
    first = place_of(request.get("NextToken"))
    limit = request.get("MaxDatapoints", MAX_DATAPOINTS)
    if not 0 < limit <= MAX_DATAPOINTS:
        raise validation_error(
            f"The parameter MaxDatapoints must be between 1 and {MAX_DATAPOINTS}."
        )
    points = _points([series for _, series in results], start, end, is_ascending=is_ascending)
    page = list(islice(points, first, first + limit))
    return {
        "MetricDataResults": _results(results, page, is_first=first == 0),
        "Messages": [],
        **({"NextToken": str(first + limit)} if next(points, None) is not None else {}),
    }


def _points(
    all_series: Sequence[Series], start: float, end: float, *, is_ascending: bool
) -> Iterator[_Point]:
    for number, series in enumerate(all_series):
        pairs = list(zip(series.times, series.values, strict=True))
        for at, value in pairs if is_ascending else reversed(pairs):
            if at + series.period > start and at < end:
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
