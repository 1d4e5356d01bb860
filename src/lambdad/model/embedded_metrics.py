"""Embedded Metric Format: metrics in a log line, after CloudWatch's specification of that name.

    {"_aws": {"Timestamp": 1700000000000, "CloudWatchMetrics": [
        {"Namespace": "Shop", "Dimensions": [["Page"]], "Metrics": [{"Name": "Time", "Unit": …}]}]},
     "Page": "cart", "Time": [12, 17]}

What does not follow it is a line as any other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lambdad.model.metric import MINUTE, SECOND, Dimensions, dimensions_of

MARK = '"_aws"'  # in every line of the format
MAX_METRICS, MAX_VALUES, MAX_DIMENSIONS = 100, 100, 30
MAX_SETS = 30  # of dimensions
MAX_DATA = 300  # of a line: a hostile one must not take long
GREATEST = 2.0**360

_UNITS = frozenset(
    {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"}
    | {"Bytes", "Bits", "Bytes/Second", "Bits/Second"}
    | {
        f"{scale}{what}{rate}"
        for scale in ("Kilo", "Mega", "Giga", "Tera")
        for what in ("bytes", "bits")
        for rate in ("", "/Second")
    }
)


@dataclass(frozen=True, slots=True)
class EmbeddedDatum:
    """The values of one metric that a line tells; the time is in milliseconds since the epoch."""

    namespace: str
    name: str
    dimensions: Dimensions
    unit: str
    values: tuple[float, ...]
    timestamp_ms: int
    is_high_resolution: bool


def embedded_metrics(message: str) -> list[EmbeddedDatum]:
    """The metrics that a line tells; none when it does not follow the format."""
    if MARK not in message:
        return []
    try:
        document = json.loads(message)
        return list(islice(_data(document), MAX_DATA))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return []


def _data(document: Mapping[str, Any]) -> Iterator[EmbeddedDatum]:
    about = document["_aws"]
    timestamp_ms = int(about["Timestamp"])
    for directive in about["CloudWatchMetrics"]:
        namespace = _text(directive["Namespace"])
        for metric in directive["Metrics"][:MAX_METRICS]:
            values = _values(document.get(metric["Name"]))
            for names in directive["Dimensions"][:MAX_SETS] if values else ():
                if len(names) > MAX_DIMENSIONS:
                    continue
                yield EmbeddedDatum(
                    namespace,
                    _text(metric["Name"]),
                    dimensions_of({_text(name): _value(document[name]) for name in names}),
                    _unit(metric.get("Unit", "None")),
                    values,
                    timestamp_ms,
                    metric.get("StorageResolution", MINUTE) == SECOND,
                )


def _values(told: Any) -> tuple[float, ...]:
    values = told if isinstance(told, list) else [told]
    if len(values) > MAX_VALUES or not all(_is_number(value) for value in values):
        return ()
    return tuple(float(value) for value in values)


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and abs(value) <= GREATEST


def _text(name: Any) -> str:
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        raise ValueError("no name")
    name.encode()  # half a surrogate pair is a ValueError, and can be kept nowhere
    return name


def _value(told: Any) -> str:
    """A dimension's value: a text, or a number as JSON writes it."""
    value = told if isinstance(told, str) else json.dumps(told)
    if not 1 <= len(value) <= 1024:
        raise ValueError("no value of a dimension")
    value.encode()
    return value


def _unit(unit: Any) -> str:
    return unit if unit in _UNITS else "None"
