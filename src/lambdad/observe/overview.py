"""What the functions of an account do now: the live view of operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdad.model.caller import Caller
from lambdad.observe.function_totals import FunctionKey, FunctionTotals

_COUNTS = ("Invocations", "Errors", "Throttles", "ColdStarts", "AsyncEventsDropped")


@dataclass(slots=True)
class Environments:
    """A function's environments now: how many have an event, how many have none, and the bytes of
    memory that they held when they were last looked at."""

    busy: int = 0
    idle: int = 0
    memory: int = 0


@dataclass(frozen=True, slots=True)
class Overview:
    """Answers the operators' route for the live view. `environments` tells of every function."""

    totals: FunctionTotals
    environments: Callable[[], Mapping[FunctionKey, Environments]]

    async def show(self, caller: Caller, query: Mapping[str, str]) -> Mapping[str, Any]:
        """Every function that has run since the server started: counts since then, percentiles of
        its latest durations, and its environments now."""
        place = (caller.account_id, caller.region)
        environments = self.environments()
        functions = {function for function, _, _ in self.totals.all()} | environments.keys()
        return {
            "Functions": [
                self._function(function, environments.get(function) or Environments())
                for function in sorted(functions)
                if function[:2] == place
            ]
        }

    def _function(self, function: FunctionKey, environments: Environments) -> dict[str, Any]:
        counted = self.totals.of(function)
        recent = self.totals.recent_durations(function)
        return {
            "FunctionName": function[2],
            **{name: int(counted[name].sum) if name in counted else 0 for name in _COUNTS},
            "P50": _percentile(recent, 50),
            "P99": _percentile(recent, 99),
            "Busy": environments.busy,
            "Idle": environments.idle,
            "Memory": environments.memory,
        }


def _percentile(ordered: list[float], percent: int) -> float | None:
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
