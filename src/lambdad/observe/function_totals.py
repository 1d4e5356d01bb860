"""What happened, counted since the server started: for operators and Prometheus.

CloudWatch's metrics tell of times and dimensions (metric_store.py); these only ever grow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdad.model.caller import Caller

RECENT = 500  # durations of each function that are remembered one by one

_DURATION = "Duration"

FunctionKey = tuple[str, str, str]  # account id, region, name


@dataclass(slots=True)
class Totals:
    """All values of one metric, as a statistic set."""

    count: int = 0
    sum: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")

    def add(self, value: float) -> None:
        self.count += 1
        self.sum += value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)


class FunctionTotals:
    """Every metric of every function, whatever its resource."""

    def __init__(self) -> None:
        self._totals: dict[tuple[FunctionKey, str], Totals] = {}
        self._recent: dict[FunctionKey, deque[float]] = {}

    def add(self, name: str, function: FunctionKey, value: float = 1.0) -> None:
        """This has happened: counts are 1 each, times are milliseconds."""
        key = (function, name)
        totals = self._totals.get(key)
        if totals is None:
            totals = self._totals[key] = Totals()
        totals.add(value)
        if name == _DURATION:
            recent = self._recent.get(function)
            if recent is None:
                recent = self._recent[function] = deque(maxlen=RECENT)
            recent.append(value)

    def recent_durations(self, function: FunctionKey) -> list[float]:
        """The latest durations of a function in milliseconds, the shortest first."""
        return sorted(self._recent.get(function, ()))

    def of(self, function: FunctionKey) -> Mapping[str, Totals]:
        """A function's metrics by name."""
        return {name: each for (key, name), each in self._totals.items() if key == function}

    def all(self) -> Iterator[tuple[FunctionKey, str, Totals]]:
        """Every function's metrics, in order."""
        for (function, name), each in sorted(self._totals.items()):
            yield function, name, each

    async def show(self, caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
        """The metrics of an account's functions in one region, for operators."""
        place = (caller.account_id, caller.region)
        return {
            "Metrics": [
                {
                    "FunctionName": function[2],
                    "MetricName": name,
                    "SampleCount": each.count,
                    "Sum": each.sum,
                    "Minimum": each.minimum,
                    "Maximum": each.maximum,
                }
                for function, name, each in self.all()
                if function[:2] == place
            ]
        }
