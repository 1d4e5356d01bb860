"""Dynamic labels: what a label of GetMetricData tells of its series' properties and values.

    fill_label("${PROP('Dim.FunctionName')} [max: ${MAX} at ${MAX_TIME}]", series, viewpoint)

    ${LABEL}                                  the label that it would have without one
    ${MIN} ${MAX} ${AVG} ${SUM}               of the values of the time that is asked for
    ${FIRST} ${LAST} ${DATAPOINT_COUNT}       the oldest and the newest value, how many there are
    ${MIN_TIME} …                             when MIN, MAX, FIRST or LAST was
    ${MIN_TIME_RELATIVE} …                    how long that is from now
    ${MIN_MAX_RANGE} ${FIRST_LAST_RANGE}      the second value less the first
    ${MIN_MAX_TIME_RANGE} …                   how long is between the two
    ${PROP('MetricName')} …                   a property of the metric

What cannot be told is `--`; what is none of these stays as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from math import isfinite

from lambdad.model.metric_math.values import Series

MOST_VALUES = 6  # of one label
UNTOLD = "--"

_DYNAMIC = re.compile(
    r"\$\{(?:"
    r"(?P<value>LABEL|SUM|AVG|DATAPOINT_COUNT"
    r"|(?:MIN|MAX|FIRST|LAST)(?:_TIME(?:_RELATIVE)?)?"
    r"|(?:MIN_MAX|FIRST_LAST)(?:_TIME)?_RANGE)"
    r"|PROP\('(?P<property>AccountId|AccountLabel|MetricName|Namespace|Period|Region|Stat"
    r"|Dim\.[^']+)'\)"
    r")\}"
)
_TIMEZONE = re.compile(r"([+-])([01][0-9]|2[0-3])([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Who reads a label, when (epoch seconds), and in which time zone."""

    account_id: str
    region: str
    now: float
    timezone: tzinfo = UTC


def is_dynamic(label: str) -> bool:
    """Whether something in a label is to be filled in."""
    return _DYNAMIC.search(label) is not None


def check_label(label: str) -> None:
    """ValueError says why a label cannot be filled in."""
    values = [found["value"] for found in _DYNAMIC.finditer(label)]
    if len(values) > MOST_VALUES:
        raise ValueError(f"A label must not have more than {MOST_VALUES} dynamic values.")
    if values.count("LABEL") > 1:
        raise ValueError("A label must not have ${LABEL} more than once.")


def fill_label(label: str, series: Series, viewpoint: Viewpoint) -> str:
    """A label with what it tells of `series`, whose own label is the one it has without this."""

    def told(found: re.Match[str]) -> str:
        if found["property"]:
            return _property(found["property"], series, viewpoint)
        return _value(found["value"], series, viewpoint)

    return _DYNAMIC.sub(told, label)


def parse_timezone(text: str) -> timezone:
    """`+0130` or `-0800`; ValueError when it is neither."""
    found = _TIMEZONE.fullmatch(text)
    if found is None:
        raise ValueError("The time zone must be + or - and four digits: hours and minutes.")
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset)


def _property(name: str, series: Series, viewpoint: Viewpoint) -> str:
    match name:
        case "AccountId" | "AccountLabel":
            return viewpoint.account_id
        case "Region":
            return viewpoint.region
        case "Period":
            return str(series.period)
    if series.origin is None:
        return UNTOLD
    match name:
        case "MetricName":
            return series.origin.metric.name
        case "Namespace":
            return series.origin.metric.namespace
        case "Stat":
            return series.origin.statistic
    return dict(series.origin.metric.dimensions).get(name.removeprefix("Dim."), UNTOLD)


def _value(name: str, series: Series, viewpoint: Viewpoint) -> str:
    if name == "LABEL":
        return series.label
    if name == "DATAPOINT_COUNT":
        return str(len(series))
    if not series.values:
        return UNTOLD
    if name == "SUM":
        return _number(sum(series.values))
    if name == "AVG":
        return _number(sum(series.values) / len(series.values))
    return _of_points(name, series.times, series.values, viewpoint)


def _of_points(
    name: str, times: Sequence[int], values: Sequence[float], viewpoint: Viewpoint
) -> str:
    """What is told of one point or of two."""
    match name.split("_"):
        case [one]:
            return _number(values[_place(one, values)])
        case [one, "TIME"]:
            return _time(times[_place(one, values)], viewpoint.timezone)
        case [one, "TIME", "RELATIVE"]:
            return _duration(int(viewpoint.now) - times[_place(one, values)])
        case [one, other, "RANGE"]:
            return _number(values[_place(other, values)] - values[_place(one, values)])
        case [one, other, "TIME", "RANGE"]:
            return _duration(times[_place(other, values)] - times[_place(one, values)])
    raise AssertionError(f"no dynamic value: {name}")


def _place(name: str, values: Sequence[float]) -> int:
    """Where the point is that has a name; of equal ones it is the oldest."""
    match name:
        case "MIN":
            return values.index(min(values))
        case "MAX":
            return values.index(max(values))
    return 0 if name == "FIRST" else len(values) - 1


def _number(value: float) -> str:
    """Whole numbers without a fraction, others to 12 digits: 0.3 for 0.1 + 0.2, and 0 for -0.0."""
    return f"{value + 0.0:.12g}" if isfinite(value) else UNTOLD


def _time(at: int, zone: tzinfo) -> str:
    try:
        return datetime.fromtimestamp(at, zone).isoformat()
    except (ValueError, OverflowError, OSError):  # no year of ours
        return UNTOLD


def _duration(seconds: int) -> str:
    """`2d 3h 5s`: what is none is left out."""
    minutes, seconds = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s")]
    return " ".join(f"{count}{unit}" for count, unit in parts if count) or "0s"
