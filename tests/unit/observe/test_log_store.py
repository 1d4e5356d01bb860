"""The log store: appending, reading, surviving."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lambdad.clock import FakeClock
from lambdad.errors import PlatformError
from lambdad.model.log_line import LogLine
from lambdad.observe.catalog import LogStream
from lambdad.observe.log_store import PRESSURE, LogStore

HERE = ("000000000000", "us-east-1")
GROUP = "/aws/lambda/f"
RefusingDisk = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LogStore]:
    store = LogStore.open(tmp_path / "logs", flush_every=60, clock=FakeClock())
    yield store
    store.close()


def append(
    store: LogStore, *messages: str, stream: str = "s", at: int = 1, group: str = GROUP
) -> None:
    store.append(*HERE, group, stream, [LogLine(at, message) for message in messages])


def messages(store: LogStore, *, group: str = GROUP, **how: object) -> list[str]:
    return [line.line.message for line in store.read(*HERE, group, **how)]  # type: ignore[arg-type]


def test_lines_are_read_before_they_are_flushed_and_after(store: LogStore) -> None:
    append(store, "one", "two\nlines", "Größe \ud800")
    expected = ["one", "two\nlines", "Größe \ud800"]
    assert messages(store) == expected
    store.flush()
    assert messages(store) == expected
    append(store, "last")
    assert messages(store) == [*expected, "last"]


def test_flushing_changes_no_line_s_place(store: LogStore) -> None:
    append(store, "a", stream="x")
    append(store, "b", stream="y")
    append(store, "c", stream="x")
    before = list(store.read(*HERE, GROUP))
    store.flush()
    assert list(store.read(*HERE, GROUP)) == before


def test_lines_of_all_streams_come_in_order_of_time(store: LogStore) -> None:
    append(store, "third", stream="a", at=30)
    append(store, "first", stream="b", at=10)
    store.flush()
    append(store, "second", stream="b", at=20)

    assert messages(store) == ["first", "second", "third"]
    assert messages(store, newest_first=True) == ["third", "second", "first"]
    assert messages(store, streams=["b"]) == ["first", "second"]


def test_start_is_inclusive_and_end_is_exclusive(store: LogStore) -> None:
    for at in (0, 10, 20, 30):
        append(store, str(at), at=at)
    store.flush()

    assert messages(store, start_ms=10, end_ms=30) == ["10", "20"]
    assert messages(store, start_ms=31) == []


def test_places_split_the_lines_without_gap_or_overlap(store: LogStore) -> None:
    append(store, "a", "b", "c", at=5)
    middle = list(store.read(*HERE, GROUP))[1].position

    assert messages(store, until=middle) == ["a"]
    assert messages(store, since=middle) == ["b", "c"]
    assert messages(store, since=middle.next()) == ["c"]


def test_accounts_regions_and_groups_are_apart(store: LogStore) -> None:
    append(store, "mine")
    store.append("111111111111", "us-east-1", GROUP, "s", [LogLine(1, "other account")])
    store.append("000000000000", "eu-west-1", GROUP, "s", [LogLine(1, "other region")])
    append(store, "other group", group="/aws/lambda/g")

    assert messages(store) == ["mine"]
    assert [group.name for group in store.groups(*HERE)] == [GROUP, "/aws/lambda/g"]
    assert [group.name for group in store.groups(*HERE, "/aws/lambda/g")] == ["/aws/lambda/g"]


def test_figures_of_groups_and_streams_are_the_same_after_reopening(tmp_path: Path) -> None:
    store = LogStore.open(tmp_path, flush_every=60, segment_size=100)
    append(store, "Größe", at=0)
    append(store, "xx", stream="t", at=7)
    store.flush()
    append(store, "late", at=9)
    store.create_stream(*HERE, GROUP, "empty")
    groups, streams = store.groups(*HERE), store.streams(*HERE, GROUP)
    sizes = store.stored_bytes(*HERE)
    store.close()

    store = LogStore.open(tmp_path)
    assert store.groups(*HERE) == groups
    assert store.streams(*HERE, GROUP) == streams
    assert [stream.name for stream in streams] == ["empty", "s", "t"]
    assert (streams[1].first_ms, streams[1].last_ms) == (0, 9)
    assert store.stored_bytes(*HERE) == sizes == {GROUP: 7 + 2 + 4 + 3 * 26}
    assert streams[0].first_ms is None
    store.close()


@pytest.mark.parametrize("flushed", [True, False])
def test_stream_that_is_deleted_and_made_again_starts_empty(tmp_path: Path, flushed: bool) -> None:
    store = LogStore.open(tmp_path, flush_every=60)
    append(store, "old")
    append(store, "stays", stream="t")
    if flushed:
        store.flush()
    store.delete_stream(*HERE, GROUP, "s")
    assert messages(store) == ["stays"]
    append(store, "new")
    assert messages(store, streams=["s"]) == ["new"]
    store.close()

    store = LogStore.open(tmp_path)
    assert sorted(messages(store)) == ["new", "stays"]
    store.close()


def test_deleted_group_takes_its_lines_with_it(tmp_path: Path) -> None:
    store = LogStore.open(tmp_path, flush_every=60)
    append(store, "old")
    store.delete_group(*HERE, GROUP)
    assert store.find_group(*HERE, GROUP) is None
    assert messages(store) == []
    store.create_group(*HERE, GROUP)
    store.close()

    store = LogStore.open(tmp_path)
    assert store.find_group(*HERE, GROUP) is not None
    assert messages(store) == []
    store.close()


def test_lines_reach_the_disk_by_themselves(tmp_path: Path) -> None:
    store = LogStore.open(tmp_path, flush_every=0.01)
    append(store, "x")
    with store._lock:
        assert store._lock.wait_for(lambda: not store._backlog, timeout=5)
    assert (tmp_path / "00000001.segment").stat().st_size > 0
    store.close()


def test_reading_goes_on_while_lines_are_written_and_segments_roll(tmp_path: Path) -> None:
    """A reader sees a beginning of what was appended: nothing twice, nothing left out."""
    store = LogStore.open(tmp_path, flush_every=0.001, segment_size=1_000)
    total = 1_500

    def write() -> None:
        for number in range(total):
            append(store, str(number), at=number)
            if number % 50 == 0:
                store.flush()

    writer = threading.Thread(target=write)
    writer.start()
    seen = 0
    while seen < total:
        found = messages(store)
        assert found == [str(number) for number in range(len(found))]
        assert len(found) >= seen
        seen = len(found)
    writer.join()
    store.close()
    assert len(list(tmp_path.glob("*.segment"))) > 1


def test_disk_that_refuses_costs_no_line_and_no_crash(
    tmp_path: Path, refusing_disk: RefusingDisk
) -> None:
    store = LogStore.open(tmp_path, flush_every=60)
    append(store, "before", at=1)
    store.flush()
    with refusing_disk():
        append(store, "meanwhile", at=2)
        with pytest.raises(OSError, match="File too large"):
            store.flush()
        append(store, "later", at=3)
        assert messages(store) == ["before", "meanwhile", "later"]
    store.flush()
    store.close()

    store = LogStore.open(tmp_path)
    assert messages(store) == ["before", "meanwhile", "later"]
    store.close()


def test_beyond_the_bound_the_oldest_lines_are_dropped_and_counted(
    tmp_path: Path, refusing_disk: RefusingDisk
) -> None:
    store = LogStore.open(tmp_path, flush_every=60, backlog_limit=16_000)
    with refusing_disk():
        for number in range(30):
            append(store, str(number) + "x" * 1_000, at=number)
            with pytest.raises(OSError, match="File too large"):
                store.flush()
        kept = [line.line.timestamp_ms for line in store.read(*HERE, GROUP)]
        assert 10 < len(kept) <= 16
        assert kept == list(range(30 - len(kept), 30))
        assert store.dropped_lines == 30 - len(kept)
        assert not store.pressure()
    store.flush()
    assert [line.line.timestamp_ms for line in store.read(*HERE, GROUP)] == kept
    store.close()


def test_closing_on_a_disk_that_refuses_ends_and_says_so(
    tmp_path: Path, refusing_disk: RefusingDisk, caplog: pytest.LogCaptureFixture
) -> None:
    store = LogStore.open(tmp_path, flush_every=60)
    append(store, "x")
    with refusing_disk():
        store.close()

    assert "Log lines are lost" in caplog.text


def test_pressure_is_told_while_too_much_is_unflushed(tmp_path: Path) -> None:
    store = LogStore.open(tmp_path, flush_every=60)
    assert not store.pressure()
    with store._lock:  # the flushing thread has to wait for this lock
        append(store, "x" * (PRESSURE + 1))
        assert store.pressure()
    store.flush()
    assert not store.pressure()
    store.close()


def test_line_that_cannot_be_written_does_not_hold_up_the_others(
    store: LogStore, caplog: pytest.LogCaptureFixture
) -> None:
    append(store, "impossible", at=2**70)
    store.flush()
    append(store, "possible")
    store.flush()

    assert messages(store) == ["possible"]
    assert "cannot be written" in caplog.text


def test_nobody_who_appends_waits_while_many_streams_are_looked_at(
    store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(store, "line")
    lock, are_free = store._lock, []

    def look(stream: LogStream, *args: object) -> bool:
        are_free.append(not lock._is_owned())  # type: ignore[attr-defined]
        return False

    monkeypatch.setattr(LogStream, "is_older_than", look)
    store.streams(*HERE, GROUP)
    store.search(*HERE, GROUP)
    assert are_free == [True, True]


def test_flush_after_close_is_refused_with_a_sentence(tmp_path: Path) -> None:
    store = LogStore.open(tmp_path)
    store.close()
    append(store, "too late")

    with pytest.raises(PlatformError, match="closed"):
        store.flush()
