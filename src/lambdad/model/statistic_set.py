"""A statistic set: many values of a metric as CloudWatch keeps them, and what is asked of them.

Beside count, sum, least and most it keeps how the values are distributed, in buckets that grow by
2 %: any percentile is off by 1 % at most, and sets of different times or nodes can be merged.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

_LOG_GROWTH = math.log(1.02)
_OFFSET = (
    15_000  # more than any value that CloudWatch takes needs: the least of them is near 2^-360
)
_ENTRY = struct.Struct("<id")
_EXTENDED = re.compile(
    r"(?P<kind>p|tm|wm|tc|ts)(?P<percent>\d{1,2}(?:\.\d{1,10})?|100(?:\.0+)?)"
    r"|(?P<ranged>TM|WM|TC|TS|PR)\((?P<low>[\d.]*)(?P<lowmark>%?):(?P<high>[\d.]*)(?P<highmark>%?)\)"
    r"|(?P<iqm>IQM)"
)

SIMPLE = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


def bucket_of(value: float) -> int:
    """The number of the bucket that holds `value`; 0 holds 0, negative numbers negative values."""
    if value == 0.0:
        return 0
    number = max(1, _OFFSET + math.ceil(math.log(abs(value)) / _LOG_GROWTH))
    return number if value > 0 else -number


def middle_of(bucket: int) -> float:
    """The value that stands for all of a bucket."""
    if bucket == 0:
        return 0.0
    middle = math.exp((abs(bucket) - _OFFSET - 0.5) * _LOG_GROWTH)
    return middle if bucket > 0 else -middle


@dataclass(slots=True)
class StatisticSet:
    """Values taken together. `buckets` is None when only their summary was told: then there are
    no percentiles, unless all values are the same."""

    count: float = 0.0
    sum: float = 0.0
    minimum: float = math.inf
    maximum: float = -math.inf
    buckets: dict[int, float] | None = field(default_factory=dict)

    def add(self, value: float, count: float = 1.0) -> None:
        """Take in a value that came so many times."""
        self.count += count
        self.sum += value * count
        if value < self.minimum:
            self.minimum = value
        if value > self.maximum:
            self.maximum = value
        if self.buckets is not None:
            bucket = bucket_of(value)
            self.buckets[bucket] = self.buckets.get(bucket, 0.0) + count

    def merge(self, other: StatisticSet) -> None:
        """Take in all that another one has."""
        self.count += other.count
        self.sum += other.sum
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        if self.buckets is None or other.buckets is None:
            self.buckets = None
            return
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0.0) + count

    def copy(self) -> StatisticSet:
        buckets = None if self.buckets is None else dict(self.buckets)
        return StatisticSet(self.count, self.sum, self.minimum, self.maximum, buckets)

    def packed_buckets(self) -> bytes | None:
        """The distribution as bytes."""
        if self.buckets is None:
            return None
        return b"".join(_ENTRY.pack(*entry) for entry in self.buckets.items())

    def statistic(self, name: str) -> float | None:
        """A simple or extended statistic of the values; None when it cannot be told."""
        return statistic_of(name)(self)


def unpack_buckets(packed: bytes | None) -> dict[int, float] | None:
    """What `packed_buckets` has packed, once or several times one after another."""
    if packed is None:
        return None
    buckets: dict[int, float] = {}
    for number, count in _ENTRY.iter_unpack(packed):
        buckets[number] = buckets.get(number, 0.0) + count
    return buckets


def is_statistic(name: str) -> bool:
    """Whether CloudWatch knows this statistic."""
    try:
        statistic_of(name)
    except ValueError:
        return False
    return True


def statistic_of(name: str) -> Callable[[StatisticSet], float | None]:
    """How the statistic `name` is found; ValueError when there is none of that name."""
    simple = _SIMPLE.get(name)
    if simple is not None:
        return simple
    found = _EXTENDED.fullmatch(name)
    if found is None:
        raise ValueError(f"{name} is no statistic")
    if found["iqm"]:
        return lambda values: _mean(_part(values, *_percents(values, 25.0, 75.0)))
    if found["kind"] == "p":
        percent = float(found["percent"])
        return lambda values: _percentile(values, percent)
    if found["kind"]:
        percent = float(found["percent"])
        return _ranged(found["kind"].upper(), None, percent, is_percent=True)
    return _ranged_by_text(found)


def _ranged_by_text(found: re.Match[str]) -> Callable[[StatisticSet], float | None]:
    low, high = (float(found[end]) if found[end] else None for end in ("low", "high"))
    marks = {found[f"{end}mark"] for end in ("low", "high") if found[end]}
    if len(marks) != 1 or (found["ranged"] == "PR" and marks == {"%"}):
        raise ValueError(f"{found[0]} is no statistic")
    return _ranged(found["ranged"], low, high, is_percent=marks == {"%"})


def _ranged(
    kind: str, low: float | None, high: float | None, *, is_percent: bool
) -> Callable[[StatisticSet], float | None]:
    """TM, WM, TC, TS and PR: of the values between two bounds."""

    def find(values: StatisticSet) -> float | None:
        if _spread(values) is None:
            return None
        below, above = -math.inf, math.inf
        first, last = 0.0, values.count
        if is_percent:
            first, last = _percents(values, low or 0.0, 100.0 if high is None else high)
        else:
            below = -math.inf if low is None else low
            above = math.inf if high is None else high
        part = [
            (value, count)
            for value, count in _part(values, first, last)
            if below < value <= above or (value == below == 0)
        ]
        return _of_part(kind, part, values, first, last)

    return find


def _of_part(
    kind: str,
    part: list[tuple[float, float]],
    values: StatisticSet,
    first: float,
    last: float,
) -> float | None:
    count = sum(count for _, count in part)
    total = sum(value * count for value, count in part)
    match kind:
        case "TM":
            return total / count if count else None
        case "TC":
            return count
        case "TS":
            return total
        case "PR":
            return 100.0 * count / values.count if values.count else None
    if not part:
        return None
    outside = first * part[0][0] + (values.count - last) * part[-1][0]
    return (total + outside) / values.count


def _percents(values: StatisticSet, low: float, high: float) -> tuple[float, float]:
    return values.count * low / 100.0, values.count * high / 100.0


def _part(values: StatisticSet, first: float, last: float) -> list[tuple[float, float]]:
    """The values from the `first` to the `last`, in order of size, with how many there are."""
    part = []
    seen = 0.0
    for value, count in _spread(values) or ():
        taken = min(seen + count, last) - max(seen, first)
        seen += count
        if taken > 0:
            part.append((value, taken))
    return part


def _mean(part: list[tuple[float, float]]) -> float | None:
    count = sum(count for _, count in part)
    return sum(value * count for value, count in part) / count if count else None


def _percentile(values: StatisticSet, percent: float) -> float | None:
    spread = _spread(values)
    if not spread:
        return None
    rank = values.count * percent / 100.0
    seen = 0.0
    for value, count in spread:
        seen += count
        if seen >= rank and seen > 0:
            return value
    return values.maximum


def _spread(values: StatisticSet) -> list[tuple[float, float]] | None:
    """Every value, in order of size, with its count; None when that is not known."""
    if values.count <= 0:
        return []
    if values.minimum == values.maximum:
        return [(values.minimum, values.count)]
    if values.buckets is None:
        return None
    return [
        (min(max(middle_of(bucket), values.minimum), values.maximum), count)
        for bucket, count in sorted(values.buckets.items())
    ]


_SIMPLE: dict[str, Callable[[StatisticSet], float | None]] = {
    "SampleCount": lambda values: values.count,
    "Sum": lambda values: values.sum,
    "Average": lambda values: values.sum / values.count if values.count else None,
    "Minimum": lambda values: values.minimum if values.count else None,
    "Maximum": lambda values: values.maximum if values.count else None,
}
