"""The node's metrics as OpenTelemetry's protocol has them, in JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lambdad.observe.exposition import COUNTERS, TIMES, Gauge
from lambdad.observe.function_totals import FunctionKey, FunctionTotals, Totals

_CUMULATIVE = 2  # AGGREGATION_TEMPORALITY_CUMULATIVE
_NANOSECONDS = 1_000_000_000


def metrics_document(
    totals: FunctionTotals,
    gauges: Iterable[Gauge],
    *,
    version: str,
    started: float,
    now: float,
) -> dict[str, Any]:
    """What /v1/metrics is sent: all that was counted since `started` (epoch seconds)."""
    times = {"startTimeUnixNano": _nanoseconds(started), "timeUnixNano": _nanoseconds(now)}
    metrics = [
        *_counters(totals, times),
        *_times(totals, times),
        *(_gauge(gauge, times) for gauge in gauges),
    ]
    scope = {"scope": {"name": "lambdad", "version": version}, "metrics": metrics}
    resource = _attributes({"service.name": "lambdad", "service.version": version})
    return {"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [scope]}]}


def _counters(totals: FunctionTotals, times: dict[str, str]) -> Iterable[dict[str, Any]]:
    for metric, (name, description) in COUNTERS.items():
        points = [
            {**times, "attributes": _of_function(function), "asDouble": each.sum}
            for function, each in _all_of(totals, metric)
        ]
        if points:
            yield _sum(name, description, points)


def _times(totals: FunctionTotals, times: dict[str, str]) -> Iterable[dict[str, Any]]:
    """Histograms of one bucket: how many, their sum, the least and the most."""
    for metric, (name, description) in TIMES.items():
        points = [
            {
                **times,
                "attributes": _of_function(function),
                "count": str(each.count),
                "sum": each.sum,
                "min": each.minimum,
                "max": each.maximum,
                "bucketCounts": [str(each.count)],
                "explicitBounds": [],
            }
            for function, each in _all_of(totals, metric)
        ]
        if points:
            histogram = {"aggregationTemporality": _CUMULATIVE, "dataPoints": points}
            yield {**_named(name, description), "unit": "ms", "histogram": histogram}


def _gauge(gauge: Gauge, times: dict[str, str]) -> dict[str, Any]:
    point = {**times, "asDouble": float(gauge.value)}
    if gauge.is_counter:
        return _sum(gauge.name, gauge.help, [point])
    return {**_named(gauge.name, gauge.help), "gauge": {"dataPoints": [point]}}


def _sum(name: str, description: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    data = {"aggregationTemporality": _CUMULATIVE, "isMonotonic": True, "dataPoints": points}
    return {**_named(name, description), "sum": data}


def _named(name: str, description: str) -> dict[str, str]:
    return {"name": f"lambdad.{name}", "description": description}


def _all_of(totals: FunctionTotals, metric: str) -> Iterable[tuple[FunctionKey, Totals]]:
    return ((function, each) for function, name, each in totals.all() if name == metric)


def _of_function(function: FunctionKey) -> list[dict[str, Any]]:
    account_id, region, name = function
    return _attributes({"cloud.account.id": account_id, "cloud.region": region, "faas.name": name})


def _attributes(pairs: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()]


def _nanoseconds(epoch: float) -> str:
    return str(int(epoch * _NANOSECONDS))
