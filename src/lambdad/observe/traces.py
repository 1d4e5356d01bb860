"""X-Ray segments, and one line for each invocation, which tells where its time went.

Both are log lines of groups that no client can name, because no region has such a name: so they
are on disk with the REPORT line, survive kill -9, and are found and forgotten as log lines are.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from lambdad.clock import Clock
from lambdad.model.function import FunctionVersion
from lambdad.model.invocation import Ended
from lambdad.model.lambda_segments import lambda_segments
from lambdad.model.log_line import LogLine, StoredLine
from lambdad.model.segment import Segment, read_segment
from lambdad.model.trace import LARGEST
from lambdad.observe.frames import GroupKey
from lambdad.observe.log_store import LogStore

KEPT_DAYS = 30  # as X-Ray keeps traces
_HIDDEN = "/traces"
_SEGMENTS, _INVOCATIONS = "segments", "invocations"
_SLACK_MS = 3_600_000  # so much earlier than its trace's own time a segment may have arrived
_Place = tuple[str, str]  # account, region
_Noted = tuple[FunctionVersion, str, Ended, float]  # version, log stream, …, when
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class TraceStore:
    """The traces of a node. Writing never waits for a disk; read on a thread.

    Of an invocation no more is done on its way than to note it down; the log store's flushing
    thread makes lines of the notes, just before it writes the REPORT lines.
    """

    def __init__(self, logs: LogStore, clock: Clock) -> None:
        self._logs = logs
        self._clock = clock
        self._noted: deque[_Noted] = deque()
        logs.before_flush(self._write_noted)

    def put(self, account_id: str, region: str, documents: Iterable[str]) -> None:
        """Keep documents of segments. Whoever has sent them, what is none is passed over when it
        is read."""
        self._append(account_id, region, _SEGMENTS, documents)

    def flush(self) -> None:
        """Return when what was kept until now is on disk."""
        self._logs.flush()

    def put_invocation(self, version: FunctionVersion, log_stream: str, ended: Ended) -> None:
        """Keep where the time of an invocation went, and its segments if it is traced."""
        self._noted.append((version, log_stream, ended, self._clock.now()))

    def invocations(self, account_id: str, region: str, request_id: str) -> list[dict[str, Any]]:
        """What `put_invocation` kept of the invocations with this id, the first try first."""
        self._write_noted()
        lines = self._find(account_id, region, _INVOCATIONS, self._oldest_ms(), None, request_id)
        found = (json.loads(line) for line in lines)
        return [each for each in found if each["request_id"] == request_id]

    def segments(
        self, account_id: str, region: str, trace_ids: Collection[str]
    ) -> Iterator[Segment]:
        """The segments of these traces as they came, also those that were sent more than once;
        of each trace not much more than is put together."""
        self._write_noted()
        for trace_id in trace_ids:
            start_ms = max(_epoch(trace_id) * 1000 - _SLACK_MS, self._oldest_ms())
            lines = self._find(account_id, region, _SEGMENTS, start_ms, None, trace_id)
            size = 0
            for segment in filter(None, map(read_segment, lines)):
                if segment.trace_id == trace_id:
                    yield segment
                    size += segment.size
                    if size > LARGEST:
                        break

    def segments_between(
        self, account_id: str, region: str, start: float, end: float
    ) -> Iterator[Segment]:
        """The segments that arrived in this time, or up to an hour before or after it."""
        self._write_noted()
        start_ms = max(int(start * 1000) - _SLACK_MS, self._oldest_ms())
        end_ms = int(end * 1000) + _SLACK_MS
        lines = self._find(account_id, region, _SEGMENTS, start_ms, end_ms, None)
        yield from filter(None, map(read_segment, lines))

    def _write_noted(self) -> None:
        """Make lines of what was noted, whoever else does the same just now."""
        invocations: dict[_Place, list[str]] = defaultdict(list)
        segments: dict[_Place, list[str]] = defaultdict(list)
        while self._noted:
            try:
                version, log_stream, ended, now = self._noted.popleft()
            except IndexError:
                break
            place = (version.account_id, version.region)
            invocations[place].append(_invocation(version, log_stream, ended))
            if ended.report.trace is not None:
                own = lambda_segments(version, ended, ended.report.trace, now)
                segments[place] += map(_encode, own)
        for place, texts in invocations.items():
            self._append(*place, _INVOCATIONS, texts)
        for place, texts in segments.items():
            self._append(*place, _SEGMENTS, texts)

    def _append(self, account_id: str, region: str, group: str, texts: Iterable[str]) -> None:
        now_ms = int(self._clock.now() * 1000)
        lines = [LogLine(now_ms, text) for text in texts]
        day = f"day-{now_ms // 86_400_000}"  # of the epoch
        self._logs.append(account_id, _hidden(region), group, day, lines)

    def _find(
        self,
        account_id: str,
        region: str,
        group: str,
        start_ms: int,
        end_ms: int | None,
        word: str | None,
    ) -> Iterator[str]:
        """The lines in which a word occurs; without one, all."""
        place = (account_id, _hidden(region), group)
        terms = () if word is None else (word,)
        for each in self._logs.search(
            *place, start_ms=max(0, start_ms), end_ms=end_ms, terms=terms
        ):
            if isinstance(each, StoredLine):
                yield each.line.message

    def cutoffs(self) -> dict[GroupKey, int]:
        """The time before which traces are too old, by where they are kept."""
        oldest_ms = self._oldest_ms()
        return {key: oldest_ms for key in self._logs.group_keys() if key[1].endswith(_HIDDEN)}

    def _oldest_ms(self) -> int:
        return int((self._clock.now() - KEPT_DAYS * 86_400) * 1000)


def _hidden(region: str) -> str:
    """Where a region's traces are kept; no region's name has a slash."""
    return f"{region}{_HIDDEN}"


def _epoch(trace_id: str) -> int:
    """When a trace began, as its id tells."""
    try:
        return int(trace_id.split("-")[1], 16)
    except (IndexError, ValueError):
        return 0


def _invocation(version: FunctionVersion, log_stream: str, ended: Ended) -> str:
    """One invocation as JSON, written by hand because there are thousands a second: no text in it
    can hold what JSON would have to escape."""
    report = ended.report
    accepted_at = ended.accepted_at or ended.began_at
    init_ms = "null" if report.init_duration_ms is None else f"{report.init_duration_ms:.3f}"
    return (
        f'{{"request_id":"{report.request_id}","function":"{version.name}"'
        f',"version":"{version.version}","accepted_at":{accepted_at:.6f}'
        f',"began_at":{ended.began_at:.6f},"ended_at":{ended.ended_at:.6f},"init_ms":{init_ms}'
        f',"initialization_type":"{ended.initialization_type}"'
        f',"duration_ms":{report.duration_ms:.3f},"billed_ms":{report.billed_duration_ms}'
        f',"error_type":"{report.error.error_type if report.error else ""}"'
        f',"attempt":{ended.attempt or 0},"trace_id":"{ended.trace_id}"'
        f',"log_stream":"{log_stream}"}}'
    )
