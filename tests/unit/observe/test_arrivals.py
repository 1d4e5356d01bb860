"""Lines in the order in which they came."""

from __future__ import annotations

from pathlib import Path

from lambdad.model.log_line import LogLine
from lambdad.observe.log_store import LogStore

PLACE = ("000000000000", "us-east-1")


def test_lines_come_by_frames_whatever_their_times(tmp_path: Path) -> None:
    # Given frames whose lines are older and older, in several segments, and one not on disk yet
    store = LogStore.open(tmp_path, flush_every=60, segment_size=300)
    for number in range(6):
        for stream in ("a", "b"):
            line = LogLine(1000 - number, f"{stream}{number}")
            store.append(*PLACE, "g" if number != 2 else "other", stream, [line])
        store.flush()
    store.append(*PLACE, "g", "a", [LogLine(1, "not yet")])
    durable_frame = store.durable_frame
    # When
    found = list(store.arrivals({(*PLACE, "g")}, after_frame=1))
    # Then
    assert [arrival.frame for arrival in found] == [2, 4, 5, 6]
    assert durable_frame == 6
    first = found[0].lines
    assert [key[3] for key in first] == ["a", "b"]
    (line,) = first[*PLACE, "g", "a"]
    assert line.line == LogLine(999, "a1")
    # and each is the one that reading gives, with the same identifier
    read = store.read(*PLACE, "g", since=line.position, until=line.position.next())
    assert list(read) == [line]
    store.close()
