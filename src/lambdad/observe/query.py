"""Which lines somebody wants to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lambdad.model.log_line import Position
from lambdad.observe.frames import StreamKey


@dataclass(frozen=True, slots=True)
class Query:
    """Lines of these streams, from `since` on and before `until`, with all `terms` in them.

    `streams` gives for each stream the first frame whose lines are its own. Terms are in UTF-8.
    """

    streams: Mapping[StreamKey, int]
    since: Position
    until: Position
    newest_first: bool = False
    terms: Sequence[bytes] = ()

    def overlaps(self, first_ms: int, last_ms: int) -> bool:
        return first_ms <= self.until.timestamp_ms and last_ms >= self.since.timestamp_ms

    def wants(self, key: StreamKey, frame_id: int) -> bool:
        first_frame = self.streams.get(key)
        return first_frame is not None and frame_id >= first_frame
