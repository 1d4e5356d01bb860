"""Metric filters: which values the lines of a log group are worth."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar, NamedTuple

from lambdad.model.filter_pattern import FilterPattern, parse_filter_pattern
from lambdad.model.log_line import LogLine
from lambdad.model.metric import MINUTE, Dimensions, dimensions_of

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_MINUTE_MS = MINUTE * 1000


@dataclass(frozen=True, slots=True)
class MetricTransformation:
    """What a line that matches is worth. `value` is a number, or a reference to the line's parts
    (`$.latency`, `$bytes`), as are the dimensions' values. `default` is the value of a minute with
    lines of which none matches."""

    namespace: str
    name: str
    value: str
    unit: str = "None"
    default: float | None = None
    dimensions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """A pattern, and the metric that is made of the lines of a group that it lets through."""

    kind: ClassVar[str] = "metric-filter"

    account_id: str
    region: str
    log_group: str
    name: str
    pattern: str
    transformation: MetricTransformation
    created_ms: int
    applies_to_transformed_logs: bool = False  # kept and told; there are no transformers

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, group and name."""
        return (self.account_id, self.region, f"{self.log_group}:{self.name}")


class MetricDatum(NamedTuple):
    """One value of a metric, at the time of its line."""

    namespace: str
    name: str
    dimensions: Dimensions
    unit: str
    value: float
    timestamp_ms: int


def metric_data(filters: Iterable[MetricFilter], lines: Iterable[LogLine]) -> list[MetricDatum]:
    """What these filters of a group make of lines of it. A line whose value is no number, or that
    has not all dimensions, makes nothing. Minutes are those of these lines alone: who brings the
    lines of a minute in parts may get the default of a part in which nothing matches."""
    lines = list(lines)
    return [datum for each in filters for datum in _data(each.pattern, each.transformation, lines)]


def _data(
    pattern_text: str, transformation: MetricTransformation, lines: list[LogLine]
) -> Iterator[MetricDatum]:
    pattern = read_pattern(pattern_text)
    silent: dict[int, int] = {}  # the first time in each minute without a match
    matched: set[int] = set()
    for line in lines:
        minute = line.timestamp_ms // _MINUTE_MS
        values = _extract(pattern, transformation, line.message)
        if values is None:
            silent.setdefault(minute, line.timestamp_ms)
            continue
        matched.add(minute)
        datum = _datum(transformation, values, line.timestamp_ms)
        if datum is not None:
            yield datum
    if transformation.default is not None:
        for minute, timestamp_ms in silent.items():
            if minute not in matched:
                yield _made(transformation, (), transformation.default, timestamp_ms)


def _extract(
    pattern: FilterPattern, transformation: MetricTransformation, message: str
) -> dict[str, str] | None:
    if transformation.value[:1] != "$" and not transformation.dimensions:
        return {} if pattern.matches(message) else None
    return pattern.extract(message, (transformation.value, *transformation.dimensions.values()))


def _datum(
    transformation: MetricTransformation, values: dict[str, str], timestamp_ms: int
) -> MetricDatum | None:
    told = values.get(transformation.value, transformation.value)
    references = transformation.dimensions
    if not _NUMBER.fullmatch(told) or not references.keys() <= {
        name for name, reference in references.items() if values.get(reference)
    }:
        return None
    value = float(told)
    if not math.isfinite(value):
        return None
    dimensions = {name: values[reference] for name, reference in references.items()}
    return _made(transformation, dimensions_of(dimensions), value, timestamp_ms)


def _made(
    transformation: MetricTransformation, dimensions: Dimensions, value: float, timestamp_ms: int
) -> MetricDatum:
    named = (transformation.namespace, transformation.name, dimensions, transformation.unit)
    return MetricDatum(*named, value, timestamp_ms)


@lru_cache(maxsize=1024)  # what regular expressions have met is remembered with them
def read_pattern(text: str) -> FilterPattern:
    """The pattern of a filter that was accepted."""
    return parse_filter_pattern(text)
