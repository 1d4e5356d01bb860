"""What MetricDataQueries ask for: metrics, searches, and expressions computed from them.

GetMetricData answers them, and alarms on expressions watch them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lambdad.model.caller import Caller
from lambdad.model.dynamic_label import is_dynamic
from lambdad.model.metric import MINUTE, Metric
from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.values import Origin, Series, Value, Window
from lambdad.model.statistic_set import SIMPLE, is_statistic, statistic_of
from lambdad.observe.metric_store import Datapoints, MetricStore, Wanted
from lambdad.services.cloudwatch.dimensions import metric_of
from lambdad.services.cloudwatch.errors import validation_error
from lambdad.services.cloudwatch.statistics import check_period

if TYPE_CHECKING:  # the language of expressions would cost every start some 20 ms
    from lambdad.model.metric_math.parser import Expression
    from lambdad.model.metric_math.search import Search

MAX_QUERIES = 500
MAX_POINTS = 100_800  # of one series
MAX_POINTS_IN_ALL = 1_000_000  # that one request may have read or computed, some 5 s
MAX_FOUND = 500  # metrics of one search

_ID = re.compile(r"[a-z][A-Za-z0-9_]{0,254}")


@dataclass(frozen=True, slots=True)
class MetricQueries:
    """The queries of one request, read and checked."""

    metrics: dict[str, Mapping[str, Any]]  # MetricStat members by query id
    expressions: dict[str, Expression]
    queries: Sequence[Mapping[str, Any]]
    order: Sequence[str]

    def period(self, usual: int = MINUTE) -> int:
        """The period of what has none of its own: the shortest of the metrics'."""
        told = [query["Period"] for query in self.queries if query.get("Period")]
        return int(min([each["Period"] for each in self.metrics.values()] or told or [usual]))


@dataclass(slots=True)
class _Found:
    """What has been read and computed so far."""

    values: dict[str, Value] = field(default_factory=dict)
    searched: dict[Search, list[Series]] = field(default_factory=dict)


def parse_queries(queries: Sequence[Mapping[str, Any]]) -> MetricQueries:
    """Read queries; ValidationError says what is wrong with them."""
    if len(queries) > MAX_QUERIES:
        raise validation_error(
            f"The collection MetricDataQueries must not have more than {MAX_QUERIES} items."
        )
    metrics: dict[str, Mapping[str, Any]] = {}
    expressions: dict[str, Expression] = {}
    for number, query in enumerate(queries, start=1):
        _check(query, f"MetricDataQueries.member.{number}", metrics.keys() | expressions.keys())
        if "MetricStat" in query:
            metrics[query["Id"]] = query["MetricStat"]
        else:
            expressions[query["Id"]] = _parse(query)
    from lambdad.model.metric_math.order import order

    try:
        return MetricQueries(metrics, expressions, queries, order(expressions, metrics))
    except ValueError as error:
        raise validation_error(str(error)) from None


async def find(
    store: MetricStore, caller: Caller, queries: MetricQueries, start: float, end: float
) -> dict[str, list[Series]]:
    """The series of every query by its id, from `start` on and before `end` (epoch seconds)."""
    found = _Found()
    window = _window(start, end, queries.period())
    _check_amount(len(queries.expressions) * (end - start) / window.period)
    metrics = [(metric_of(caller, told["Metric"]), told) for told in queries.metrics.values()]
    found.values.update(zip(queries.metrics, await _read(store, metrics, window), strict=True))
    for search in {each for parsed in queries.expressions.values() for each in parsed.searches()}:
        found.searched[search] = await _search(store, caller, search, window)
    return await asyncio.to_thread(_compute, queries, found, window)


def _check(query: Mapping[str, Any], place: str, taken: Iterable[str]) -> None:
    id = query["Id"]
    if not _ID.fullmatch(id):
        raise validation_error(
            f"The value {id} for parameter {place}.Id must begin with a lower-case letter and have "
            "letters, digits and underscores alone."
        )
    if id in taken:
        raise validation_error("The values for parameter id in MetricDataQueries are not unique.")
    if ("MetricStat" in query) == ("Expression" in query):
        raise validation_error(
            f"Exactly one of the parameters {place}.MetricStat and {place}.Expression must be "
            "specified."
        )
    if "MetricStat" in query:
        told = query["MetricStat"]
        check_period(told["Period"])
        for name in ("Namespace", "MetricName"):
            if name not in told["Metric"]:
                raise validation_error(
                    f"The parameter {place}.MetricStat.Metric.{name} is required."
                )
        if not is_statistic(told["Stat"]):
            raise validation_error(
                f"The value {told['Stat']} for parameter {place}.MetricStat.Stat is not supported."
            )


def _parse(query: Mapping[str, Any]) -> Expression:
    from lambdad.model.metric_math.parser import parse

    try:
        return parse(query["Expression"])
    except ExpressionError as error:
        raise validation_error(error.told_of(query["Id"])) from None


def _window(start: float, end: float, period: int) -> Window:
    if start >= end:
        raise validation_error("The parameter StartTime must be less than the parameter EndTime.")
    if (end - start) / period > MAX_POINTS:
        raise validation_error(
            f"The request asks for more than {MAX_POINTS:,} datapoints of one metric. Increase "
            "Period, or decrease the time range."
        )
    return Window(int(start) // period * period, int(-(-end // 1)), period)


def _check_amount(points: float) -> None:
    if points > MAX_POINTS_IN_ALL:
        raise validation_error(
            f"The request asks for more than {MAX_POINTS_IN_ALL:,} datapoints. Increase Period, or "
            "ask for fewer metrics or a shorter time."
        )


async def _read(
    store: MetricStore, metrics: Sequence[tuple[Metric, Mapping[str, Any]]], window: Window
) -> list[Series]:
    """One statistic of each metric, as its MetricStat tells."""
    _check_amount(sum((window.end - window.start) / told["Period"] for _, told in metrics))
    read = await store.read_all(
        [
            Wanted(
                metric,
                told.get("Unit"),
                window.start // told["Period"] * told["Period"],
                window.end,
                told["Period"],
                with_buckets=told["Stat"] not in SIMPLE,
            )
            for metric, told in metrics
        ]
    )
    return await asyncio.to_thread(
        lambda: [
            replace(
                series_of(_search_label(metric), told["Period"], by_unit.values(), told["Stat"]),
                origin=Origin(metric, told["Stat"]),
            )
            for (metric, told), by_unit in zip(metrics, read, strict=True)
        ]
    )


def series_of(label: str, period: int, parts: Iterable[Datapoints], statistic: str) -> Series:
    """One statistic of a metric's datapoints, whatever their units."""
    tell = statistic_of(statistic)
    sets = _together(list(parts))
    points = [(at, value) for at in sorted(sets) if (value := tell(sets[at])) is not None]
    return Series(label, period, [at for at, _ in points], [value for _, value in points])


def _together(parts: list[Datapoints]) -> Datapoints:
    """The datapoints of all units."""
    sets = parts[0] if parts else {}
    for part in parts[1:]:
        for at, values in part.items():
            if at in sets:
                sets[at].merge(values)
            else:
                sets[at] = values
    return sets


async def _search(
    store: MetricStore, caller: Caller, search: Search, window: Window
) -> list[Series]:
    known = await store.metrics(caller.account_id, caller.region)
    matching = sorted(
        metric
        for metric in known
        if search.matches(metric.namespace, metric.name, dict(metric.dimensions))
    )
    period = check_period(int(search.period or window.period))
    told = {"Period": period, "Stat": search.statistic}
    if not is_statistic(search.statistic):
        raise validation_error(f"The statistic {search.statistic} of SEARCH is not supported.")
    return await _read(store, [(metric, told) for metric in matching[:MAX_FOUND]], window)


def _search_label(metric: Metric) -> str:
    return " ".join([*(value for _, value in metric.dimensions), metric.name])


def _compute(queries: MetricQueries, found: _Found, window: Window) -> dict[str, list[Series]]:
    """The series of every query, once all that they need has been read."""
    from lambdad.model.metric_math.evaluator import Known, evaluate

    periods = {query["Id"]: query.get("Period") for query in queries.queries}
    for id in queries.order:
        own = Window(window.start, window.end, periods[id] or window.period)
        known = Known(own, found.values, list(queries.metrics), found.searched)
        try:
            found.values[id] = evaluate(queries.expressions[id], known)
        except ExpressionError as error:
            raise validation_error(error.told_of(id)) from None
    return {
        query["Id"]: _labelled(query, found.values[query["Id"]], window)
        for query in queries.queries
    }


def _labelled(query: Mapping[str, Any], value: Value, window: Window) -> list[Series]:
    """The series of a result, under the labels that are shown; a scalar is one of all periods. A
    dynamic label is filled in by who shows them, in the place of the usual one."""
    is_given = "Label" in query and not is_dynamic(query["Label"])
    label = query["Label"] if is_given else _usual_label(query)
    if not isinstance(value, Series | list):
        times = window.times(window.period)
        value = Series(label, window.period, times, [float(value)] * len(times))
    from lambdad.model.metric_math.evaluator import with_label

    labelled = with_label(value, label, is_given=is_given)
    return list(labelled) if isinstance(labelled, list) else [labelled]  # type: ignore[list-item]


def _usual_label(query: Mapping[str, Any]) -> str:
    if "MetricStat" in query:
        return str(query["MetricStat"]["Metric"]["MetricName"])
    return str(query["Id"])
