"""What a metric alarm is told to watch: checked, and as the policy that judges it takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdad.model.alarm_evidence import Watch, check_comparison
from lambdad.model.statistic_set import SIMPLE, is_statistic
from lambdad.services.cloudwatch.dimensions import parsed_dimensions
from lambdad.services.cloudwatch.errors import (
    invalid_combination,
    invalid_value,
    missing,
    unsupported,
    validation_error,
)
from lambdad.services.cloudwatch.metric_queries import parse_queries
from lambdad.services.cloudwatch.statistics import check_period

LONGEST_RANGE = 86_400  # seconds that an alarm may look back: a day
LONGEST_RANGE_OF_HOURS = 7 * 86_400  # with periods of an hour or more

_TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
_OF_ONE_METRIC = (
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Period",
    "Dimensions",
)
_UNSUPPORTED = (
    "ThresholdMetricId",
    "EvaluationCriteria",
    "EvaluationInterval",
    "WarmUpConfiguration",
)


def check_metric_alarm(request: Mapping[str, Any]) -> None:
    """Refuse what cannot be watched."""
    for name in _UNSUPPORTED:
        if name in request:
            raise unsupported(f"{name} of an alarm")
    for name in ("EvaluationPeriods", "ComparisonOperator", "Threshold"):
        if name not in request:
            raise missing(f"The parameter {name} is required.")
    try:
        check_comparison(request["ComparisonOperator"])
    except ValueError as error:
        raise invalid_value(str(error)) from None
    if request.get("TreatMissingData", "missing") not in _TREATMENTS:
        raise validation_error(
            f"The parameter TreatMissingData must be one of {', '.join(_TREATMENTS)}."
        )
    if request.get("DatapointsToAlarm", 1) > request["EvaluationPeriods"]:
        raise validation_error("DatapointsToAlarm must not be greater than EvaluationPeriods.")
    if "Metrics" in request:
        _check_expression(request)
    else:
        _check_metric(request)
    _check_range(watch_of(request))


def watch_of(settings: Mapping[str, Any]) -> Watch:
    """The alarm's own words for the policy."""
    is_math = "Metrics" in settings
    return Watch(
        period=period_of(settings),
        comparison_operator=settings["ComparisonOperator"],
        threshold=settings["Threshold"],
        evaluation_periods=settings["EvaluationPeriods"],
        datapoints_to_alarm=settings.get("DatapointsToAlarm"),
        treat_missing_data=settings.get("TreatMissingData", "missing"),
        ignores_low_samples=settings.get("EvaluateLowSampleCountPercentile") == "ignore",
        statistic=None if is_math else statistic_of(settings),
        unit=settings.get("Unit"),
    )


def period_of(settings: Mapping[str, Any]) -> int:
    """The period of the alarm's datapoints, in seconds."""
    if "Metrics" not in settings:
        return int(settings["Period"])
    watched = watched_query(settings["Metrics"])
    own = watched.get("Period") or watched.get("MetricStat", {}).get("Period")
    return int(own or parse_queries(settings["Metrics"]).period())


def statistic_of(settings: Mapping[str, Any]) -> str:
    """The statistic of an alarm on one metric."""
    return str(settings.get("Statistic") or settings["ExtendedStatistic"])


def watched_query(queries: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The one query whose result is watched."""
    returned = [query for query in queries if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise validation_error("Exactly one element of the metrics list should return data.")
    return returned[0]


def _check_metric(request: Mapping[str, Any]) -> None:
    for name in ("MetricName", "Namespace", "Period"):
        if name not in request:
            raise missing(f"The parameter {name} is required.")
    if ("Statistic" in request) == ("ExtendedStatistic" in request):
        raise invalid_combination(
            "Exactly one of the parameters Statistic and ExtendedStatistic must be specified."
        )
    extended = request.get("ExtendedStatistic")
    if extended is not None and (extended in SIMPLE or not is_statistic(extended)):
        raise invalid_value(f"The value {extended} for parameter ExtendedStatistic is invalid.")
    check_period(request["Period"])
    parsed_dimensions(request.get("Dimensions") or ())


def _check_expression(request: Mapping[str, Any]) -> None:
    told = [name for name in _OF_ONE_METRIC if name in request]
    if told:
        raise invalid_combination(
            f"The parameters Metrics and {', '.join(told)} are mutually exclusive."
        )
    queries = parse_queries(request["Metrics"])
    watched_query(request["Metrics"])
    if any(parsed.searches() for parsed in queries.expressions.values()):
        raise validation_error("SEARCH is not supported in an alarm.")


def _check_range(watch: Watch) -> None:
    longest = LONGEST_RANGE_OF_HOURS if watch.period >= 3600 else LONGEST_RANGE
    if watch.period * watch.evaluation_periods > longest:
        raise validation_error(
            f"Metrics cannot be checked across more than {longest // 86_400} day"
            f"{'s' if longest > LONGEST_RANGE else ''} (EvaluationPeriods * Period must be <= "
            f"{longest})."
        )
