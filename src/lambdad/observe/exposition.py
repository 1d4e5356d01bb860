"""The node as Prometheus reads it: text, version 0.0.4 of its format."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from lambdad.model.caller import Caller
from lambdad.observe.function_totals import FunctionTotals, Totals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PREFIX = "lambdad"
# AWS/Lambda's metrics that Prometheus gets: its name, whether it is a sum of times, and the help.
COUNTERS = {
    "Invocations": ("invocations", "Invocations that have ended."),
    "Errors": ("errors", "Invocations that have ended in an error of the function."),
    "Throttles": ("throttles", "Invocations that were refused for want of concurrency."),
    "AsyncEventsReceived": ("async_events_received", "Events that were accepted."),
    "AsyncEventsDropped": ("async_events_dropped", "Events that were given up."),
    "DeadLetterErrors": ("dead_letter_errors", "Events that a dead-letter queue refused."),
    "DestinationDeliveryFailures": (
        "destination_delivery_failures",
        "Records that a destination refused.",
    ),
    "ColdStarts": ("cold_starts", "Invocations that began with an Init."),
}
TIMES = {
    "Duration": ("duration_milliseconds", "How long invocations took, without Init."),
    "InitDuration": ("init_duration_milliseconds", "How long Init took, for those that had one."),
    "AsyncEventAge": ("async_event_age_milliseconds", "How old events were when they were tried."),
}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


class Gauge(NamedTuple):
    """One figure of the node itself; a counter only ever grows."""

    name: str
    help: str
    value: float
    is_counter: bool = False


class Exposition:
    """Writes what `totals` count and what `gauges` tell now."""

    def __init__(
        self, totals: FunctionTotals, gauges: Callable[[], Awaitable[Iterable[Gauge]]]
    ) -> None:
        self._totals = totals
        self._gauges = gauges

    async def show(self, caller: Caller, query: Mapping[str, str]) -> tuple[str, str]:
        """The text and its content type, for operators: of every account and region."""
        return await self.text(), CONTENT_TYPE

    async def text(self) -> str:
        """Every figure, grouped by name as the format asks for."""
        gauges = await self._gauges()
        lines = [*self._counters(), *self._times()]
        for gauge in gauges:
            kind = "counter" if gauge.is_counter else "gauge"
            lines += _head(gauge.name, kind, gauge.help)
            lines.append(f"{_PREFIX}_{gauge.name} {_number(gauge.value)}")
        return "\n".join([*lines, ""])

    def _counters(self) -> Iterator[str]:
        for metric, (name, help_text) in COUNTERS.items():
            yield from _head(f"{name}_total", "counter", help_text)
            for labels, totals in self._of(metric):
                yield f"{_PREFIX}_{name}_total{labels} {_number(totals.sum)}"

    def _times(self) -> Iterator[str]:
        for metric, (name, help_text) in TIMES.items():
            yield from _head(name, "summary", help_text)
            for labels, totals in self._of(metric):
                yield f"{_PREFIX}_{name}_sum{labels} {_number(totals.sum)}"
                yield f"{_PREFIX}_{name}_count{labels} {totals.count}"

    def _of(self, metric: str) -> Iterator[tuple[str, Totals]]:
        for (account_id, region, function), name, totals in self._totals.all():
            if name == metric and function:
                labels = {"account": account_id, "region": region, "function": function}
                yield _labels(labels), totals


def _head(name: str, kind: str, help_text: str) -> list[str]:
    return [f"# HELP {_PREFIX}_{name} {help_text}", f"# TYPE {_PREFIX}_{name} {kind}"]


def _labels(labels: Mapping[str, str]) -> str:
    inner = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{inner}}}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))
