"""What happened, counted: AWS/Lambda's metrics by function, since the server started.

A metric is a statistic set, as CloudWatch calls it: how often, the sum, the least, the most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdad.model.caller import Caller

FunctionKey = tuple[str, str, str]  # account id, region, name


@dataclass(slots=True)
class Statistics:
    """All values of one metric."""

    count: int = 0
    sum: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")

    def add(self, value: float) -> None:
        self.count += 1
        self.sum += value
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)


class Metrics:
    """Every metric of every function."""

    def __init__(self) -> None:
        self._statistics: dict[tuple[FunctionKey, str], Statistics] = {}

    def emit(self, name: str, function: FunctionKey, value: float = 1.0) -> None:
        """This has happened: counts are 1 each, times are milliseconds."""
        key = (function, name)
        statistics = self._statistics.get(key)
        if statistics is None:
            statistics = self._statistics[key] = Statistics()
        statistics.add(value)

    def of(self, function: FunctionKey) -> Mapping[str, Statistics]:
        """A function's metrics by name."""
        return {name: each for (key, name), each in self._statistics.items() if key == function}

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
                for (function, name), each in sorted(self._statistics.items())
                if function[:2] == place
            ]
        }
