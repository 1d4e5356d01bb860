"""What a metric alarm watches for, and the datapoints that it judges by.

CloudWatch looks at more periods than an alarm evaluates, so that datapoints farther back stand in
for missing ones; only what is missing then is treated as the alarm says.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

EXTRA_PERIODS = 2  # looked at beyond those evaluated, as in CloudWatch's own tables

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        "GreaterThanOrEqualToThreshold": operator.ge,
        "GreaterThanThreshold": operator.gt,
        "LessThanOrEqualToThreshold": operator.le,
        "LessThanThreshold": operator.lt,
    }
)
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)", re.ASCII)


def check_comparison(comparison_operator: str) -> None:
    """ValueError for the operators of anomaly detection, of which there is none here."""
    if comparison_operator not in COMPARISONS:
        raise ValueError(
            f"The comparison operator {comparison_operator} needs an anomaly detection model, "
            "which is not supported here"
        )


@dataclass(frozen=True, slots=True)
class Datapoint:
    """One period's value; `time` is when the period begins, in epoch seconds."""

    time: int
    value: float
    sample_count: float | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """A metric alarm's own words. `period` is in seconds; `statistic` is `Sum`, `p99`, …, None for
    metric math; `treat_missing_data` is missing, ignore, breaching or notBreaching."""

    period: int
    comparison_operator: str
    threshold: float
    evaluation_periods: int = 1
    datapoints_to_alarm: int | None = None
    treat_missing_data: str = "missing"
    ignores_low_samples: bool = False
    statistic: str | None = None
    unit: str | None = None

    @property
    def needed(self) -> int:
        """How many datapoints must breach."""
        return self.datapoints_to_alarm or self.evaluation_periods

    @property
    def needed_for_ok(self) -> int:
        """How many must not."""
        return self.evaluation_periods - self.needed + 1

    @property
    def periods_looked_at(self) -> int:
        """How many periods back a datapoint may still count."""
        return self.evaluation_periods + EXTRA_PERIODS

    def is_breached_by(self, datapoint: Datapoint) -> bool:
        """Whether this one has crossed the threshold."""
        return COMPARISONS[self.comparison_operator](datapoint.value, self.threshold)

    def is_low_sample(self, datapoint: Datapoint) -> bool:
        """Whether a percentile of so few samples says nothing, as CloudWatch counts."""
        percentile = _PERCENTILE.fullmatch(self.statistic or "")
        if percentile is None or datapoint.sample_count is None:
            return False
        part = float(percentile[1]) / 100
        return datapoint.sample_count * min(part, 1 - part) < 10 - 1e-9


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an alarm judges by, the latest first: datapoints, at most as many as it evaluates, and
    for how many of those it has none."""

    watch: Watch
    end: int
    datapoints: Sequence[Datapoint]

    @property
    def missing(self) -> int:
        """How many datapoints there should be and are not."""
        return self.watch.evaluation_periods - len(self.datapoints)

    @property
    def breaching(self) -> list[Datapoint]:
        """Those that crossed the threshold."""
        return [each for each in self.datapoints if self.watch.is_breached_by(each)]

    @property
    def not_breaching(self) -> list[Datapoint]:
        """Those that did not."""
        return [each for each in self.datapoints if not self.watch.is_breached_by(each)]

    @property
    def oldest_age(self) -> int:
        """How many periods ago the oldest datapoint's began; 1 is the latest period."""
        return (self.end - self.datapoints[-1].time) // self.watch.period

    def missing_times(self) -> list[int]:
        """The latest periods without a datapoint, as many as are missing."""
        present = {each.time for each in self.datapoints}
        return [time for time in _times(self.watch, self.end) if time not in present][
            : self.missing
        ]


def gather(watch: Watch, datapoints: Collection[Datapoint], end: int) -> Evidence:
    """The evidence at `end`, epoch seconds, where the latest period has ended: of `datapoints`,
    which begin a whole number of periods before it, those that are looked at."""
    found = {each.time: each for each in datapoints}
    present = [found[time] for time in _times(watch, end) if time in found]
    return Evidence(watch, end, present[: watch.evaluation_periods])


def _times(watch: Watch, end: int) -> list[int]:
    return [end - watch.period * age for age in range(1, watch.periods_looked_at + 1)]
