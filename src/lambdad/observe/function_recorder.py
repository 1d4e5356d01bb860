"""What functions do, written down as it happens: their lines, metrics, usage and traces.

What an invocation used is recorded together with its REPORT line, which says the same.
"""

from __future__ import annotations

from lambdad.clock import Clock, to_datetime
from lambdad.model.function import FunctionVersion
from lambdad.model.function_metric import FunctionMetric, unit_of
from lambdad.model.invocation import Ended
from lambdad.model.lines import Lines
from lambdad.model.resource import Key
from lambdad.model.usage import Usage, UsageKey
from lambdad.observe.function_totals import FunctionTotals
from lambdad.observe.log_store import LogStore
from lambdad.observe.metric_store import MetricStore
from lambdad.observe.traces import TraceStore
from lambdad.observe.usage_ledger import UsageLedger


class FunctionRecorder:
    """Never waits for a disk. Without `is_on` it keeps lines alone."""

    def __init__(
        self,
        store: LogStore,
        metrics: MetricStore,
        ledger: UsageLedger,
        traces: TraceStore,
        clock: Clock,
        architecture: str,
        *,
        is_on: bool = True,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._ledger = ledger
        self._traces = traces
        self.totals = FunctionTotals()
        self._clock = clock
        self._architecture = architecture  # of this machine, and so of every function
        self._is_on = is_on
        self._today = (-1, "")

    def emit(self, name: str, function: Key, value: float = 1.0, resource: str = "", /) -> None:
        """See `Emit`."""
        if self._is_on:
            metric = FunctionMetric(*function, name, resource)
            self._store.note(lambda: self._add(metric, self._clock.now(), value))

    def record(
        self, version: FunctionVersion, stream: str, lines: Lines, ended: Ended | None
    ) -> None:
        """A function has printed, or an invocation of it has ended."""
        place = (version.account_id, version.region, version.log_group, stream)
        if ended is None or not self._is_on:
            self._store.append(*place, lines)
        else:
            self._store.append(*place, lines, also=lambda: self._count(version, ended))
            self._traces.put_invocation(version, stream, ended)

    def record_segments(self, version: FunctionVersion, documents: list[str]) -> None:
        """A function has told X-Ray of these."""
        if self._is_on:
            self._traces.put(version.account_id, version.region, documents)

    def _count(self, version: FunctionVersion, ended: Ended) -> None:
        now, report = self._clock.now(), ended.report
        resource, executed = _resource(version, ended.invoked_arn)
        for name, value in (
            ("Invocations", 1.0),
            ("Errors", 0.0 if report.error is None else 1.0),
            ("Duration", report.duration_ms),
        ):
            metric = FunctionMetric(*version.function_key, name, resource, executed)
            self._add(metric, now, value)
        if report.init_duration_ms is not None:
            self.totals.add("ColdStarts", version.function_key)
            self.totals.add("InitDuration", version.function_key, report.init_duration_ms)
        self._ledger.record(self._usage_key(version, ended, now), _usage(ended))

    def _usage_key(self, version: FunctionVersion, ended: Ended, now: float) -> UsageKey:
        return UsageKey(
            *version.function_key,
            version.version,
            self._day(now),
            version.memory_mb,
            version.ephemeral_storage_mb,
            self._architecture,
            ended.initialization_type,
        )

    def _day(self, now: float) -> str:
        """The date, which is written anew once a day."""
        number = int(now) // 86_400
        if number != self._today[0]:
            self._today = (number, f"{to_datetime(now):%Y-%m-%d}")
        return self._today[1]

    def _add(self, metric: FunctionMetric, now: float, value: float) -> None:
        if metric.function:
            self.totals.add(metric.name, metric[:3], value)
        self._metrics.points(metric).add(unit_of(metric.name), int(now), value)


def _resource(version: FunctionVersion, invoked_arn: str) -> tuple[str, str]:
    """What was invoked (`thumbnail`, `thumbnail:live`), and the version, when that is another."""
    qualifier = invoked_arn.split(":", 7)[7:]
    if not qualifier:
        return version.name, ""
    executed = "" if qualifier[0] == version.version else version.version
    return f"{version.name}:{qualifier[0]}", executed


def _usage(ended: Ended) -> Usage:
    report = ended.report
    return Usage(
        invocations=1,
        errors=0 if report.error is None else 1,
        billed_duration_ms=report.billed_duration_ms,
        duration_ms=report.duration_ms,
        init_duration_ms=report.init_duration_ms or 0.0,
        cpu_ms=report.cpu_ms,
        max_memory_used_mb=report.max_memory_used_mb,
    )
