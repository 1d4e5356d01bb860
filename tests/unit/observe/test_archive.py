"""The archive: lines go there by themselves, stay what they are, and go when they are too old."""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from hashlib import sha256
from pathlib import Path

import pytest

from lambdad.clock import FakeClock
from lambdad.errors import SettingsError
from lambdad.model.log_line import LogLine, Position, StoredLine
from lambdad.observe import archive
from lambdad.observe.archive_index import ArchiveIndex
from lambdad.observe.log_store import SEGMENT_AGE_MS, LogStore
from lambdad.observe.open_file import OpenFile
from lambdad.observe.scanning import Extent, scan
from lambdad.observe.segments import Segments

HERE = ("000000000000", "us-east-1")
GROUP = "/aws/lambda/f"
RefusingDisk = Callable[[], AbstractContextManager[None]]
# A group "made" and three lines, by the first lambdad that had a log store.
FORMER_SEGMENT = base64.b64decode(
    "TExGMf4QC1VfAAAACAAAAMAcc00BAAAAAAAAAABo5c+LAQAAeyJibG9ja3MiOltdLCJtYXJrcyI6W1siY3JlYXRlLWdy"
    "b3VwIiwiMDAwMDAwMDAwMDAwIiwidXMtZWFzdC0xIiwibWFkZSIsbnVsbF1dLCJyZWNvcmRzIjpbMCwwXX14AQMAAAAA"
    "AUxMRjHRdhHCoQAAADEAAABzldrVAgAAAAAAAAAAaOXPiwEAAHsiYmxvY2tzIjpbWyIwMDAwMDAwMDAwMDAiLCJ1cy1l"
    "YXN0LTEiLCIvYXdzL2xhbWJkYS9mIiwicyIsMSwyLDIsMCw0Ml0sWyIwMDAwMDAwMDAwMDAiLCJ1cy1lYXN0LTEiLCIv"
    "YXdzL2xhbWJkYS9mIiwidCIsMywzLDEsNDIsMTddXSwibWFya3MiOltdLCJyZWNvcmRzIjpbNTksMF19eAFjZIAAZiCV"
    "n5fKBOXyA+mS8nwu96LD2w7PT1V4u6ABpAIEWIG4JKMoNRUA++ALAg=="
)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def open_store(tmp_path: Path, clock: FakeClock) -> Iterator[Callable[[], LogStore]]:
    """Opens the store, as if the server was started again when it is open."""
    stores: list[LogStore] = []

    def open_store() -> LogStore:
        if stores:
            stores[-1].close()
        stores.append(LogStore.open(tmp_path, flush_every=60, clock=clock))
        return stores[-1]

    yield open_store
    stores[-1].close()


def append(store: LogStore, *messages: str, at: int = 1, group: str = GROUP) -> None:
    store.append(*HERE, group, "s", [LogLine(at, message) for message in messages])


def messages(store: LogStore, group: str = GROUP) -> list[str]:
    return [line.line.message for line in store.read(*HERE, group)]


def size(directory: Path) -> int:
    """Of all files with lines."""
    return sum(path.stat().st_size for path in directory.glob("*[0-9].*"))


def test_what_is_packed_is_the_same_in_every_way(
    open_store: Callable[[], LogStore], tmp_path: Path
) -> None:
    # Given
    store = open_store()
    store.create_group(*HERE, "empty")
    for number in range(30):
        store.append(
            *HERE, GROUP, f"s{number % 3}", [LogLine(number % 7, f"Größe \ud800 {number}\n")]
        )
        if number % 4 == 0:
            store.flush()
    before = (list(store.read(*HERE, GROUP)), store.groups(*HERE), store.streams(*HERE, GROUP))
    # When
    store.pack()
    # Then
    assert list(tmp_path.glob("*.segment")) == []
    for open_again in (lambda: store, open_store):
        now = open_again()
        after = (list(now.read(*HERE, GROUP)), now.groups(*HERE), now.streams(*HERE, GROUP))
        assert after == before


def test_frames_and_segments_are_numbered_on_when_all_is_packed(
    open_store: Callable[[], LogStore],
) -> None:
    store = open_store()
    append(store, "one")
    store.pack()
    last_frame = store.last_frame
    store = open_store()
    append(store, "two")
    assert store.last_frame == last_frame + 1
    store.pack()
    assert messages(store) == ["one", "two"]


def test_records_that_are_not_settled_keep_their_segment(tmp_path: Path) -> None:
    store = LogStore.open(tmp_path, flush_every=60, collect=lambda: lambda frame: b"records")
    append(store, "line")
    store.pack()
    assert len(list(tmp_path.glob("*.segment"))) == 1
    assert [records for _, records in store.records(0)] == [b"records"]

    store.settled(store.last_frame)
    store.pack()
    assert list(tmp_path.glob("*.segment")) == []
    assert messages(store) == ["line"]
    store.close()


def test_a_segment_that_fills_slowly_is_packed_for_its_age(
    open_store: Callable[[], LogStore], clock: FakeClock, tmp_path: Path
) -> None:
    store = open_store()
    append(store, "line")
    store.flush()
    clock.advance(SEGMENT_AGE_MS / 1000 + 1)
    store.settled(store.last_frame)
    store._flusher.seal(wait=True)  # behind what `settled` has asked for
    store._packer.pack()
    assert list(tmp_path.glob("*.segment")) == []
    assert messages(store) == ["line"]


def test_packing_that_a_crash_ended_before_it_counted_is_done_again(
    open_store: Callable[[], LogStore], tmp_path: Path
) -> None:
    store = open_store()
    append(store, "one")
    store.pack()
    store.close()
    with (tmp_path / "00000001.archive").open("ab") as file:
        file.write(b"half a chunk")

    store = open_store()
    append(store, "two")
    store.pack()
    assert messages(store) == ["one", "two"]


def test_packing_that_a_crash_ended_after_it_counted_doubles_no_line(
    open_store: Callable[[], LogStore], tmp_path: Path
) -> None:
    store = open_store()
    append(store, "one")
    store.flush()
    kept = tmp_path / "kept"
    shutil.copy(tmp_path / "00000001.segment", kept)
    store.pack()
    store.close()
    kept.rename(tmp_path / "00000001.segment")

    assert messages(open_store()) == ["one"]


def test_disk_that_refuses_to_take_the_archive_costs_no_line(
    open_store: Callable[[], LogStore], refusing_disk: RefusingDisk
) -> None:
    store = open_store()
    append(store, "one")
    store.flush()
    with refusing_disk(), pytest.raises((OSError, sqlite3.Error)):
        store.pack()
    assert messages(store) == ["one"]
    store.pack()
    assert messages(store) == ["one"]


def test_packing_that_fails_by_our_fault_is_tried_again(
    open_store: Callable[[], LogStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    append(store, "one")
    with monkeypatch.context() as patched:
        patched.setattr("lambdad.observe.packer.make_chunk", lambda content, thoroughly: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            store.pack()
    store.pack()
    assert messages(store) == ["one"]


def test_following_asks_nothing_of_the_archive(
    open_store: Callable[[], LogStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    append(store, "one")
    store.expire({(*HERE, GROUP): 0})
    store.pack()
    asked: list[object] = []
    monkeypatch.setattr(ArchiveIndex, "forget", lambda self, cutoffs: asked.append(cutoffs))
    monkeypatch.setattr(ArchiveIndex, "used", lambda self: asked.append(None) or {})
    for frame in range(3):
        store.follow(frame)
        store._packer.pack()
    assert asked == []


def test_a_file_is_opened_once_however_many_read_it(
    open_store: Callable[[], LogStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    append(store, "one", "two")
    store.pack()
    opened: list[Path] = []

    class Counted(OpenFile):
        def __init__(self, path: Path) -> None:
            opened.append(path)
            super().__init__(path)

    monkeypatch.setattr(archive, "OpenFile", Counted)
    readers = [store.read(*HERE, GROUP) for _ in range(3)]
    assert [[line.line.message for line in reader] for reader in readers] == [["one", "two"]] * 3
    assert len(opened) == 1


def test_damaged_chunk_costs_its_lines_only(
    open_store: Callable[[], LogStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store()
    append(store, "one")
    store.pack()
    path = tmp_path / "00000001.archive"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0x55
    append(store, "two", at=2)
    store.pack()
    path.write_bytes(damaged + path.read_bytes()[len(damaged) :])

    assert messages(store) == ["two"]
    assert "damaged" in caplog.text


def test_segment_that_is_damaged_from_its_beginning_hides_nothing_that_is_packed(
    open_store: Callable[[], LogStore], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store()
    append(store, "one")
    store.pack()
    append(store, "two")
    store.flush()
    store.close()
    (damaged,) = tmp_path.glob("*.segment")
    damaged.write_bytes(b"\0" + damaged.read_bytes()[1:])
    (tmp_path / "00000009.segment").touch()  # so that it is not the one that is being written

    store = open_store()
    store.pack()
    assert messages(store) == ["one"]
    assert messages(open_store()) == ["one"]
    assert "is damaged" in caplog.text


def test_index_that_is_no_index_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "archive.sqlite").write_bytes(b"no database at all, but a long enough text" * 100)
    with pytest.raises(SettingsError, match="cannot be used"):
        LogStore.open(tmp_path)


def test_reading_that_began_before_packing_goes_on(open_store: Callable[[], LogStore]) -> None:
    store = open_store()
    for number in range(3):
        append(store, str(number), at=number)
        store.flush()
    reading = store.read(*HERE, GROUP)
    assert next(reading).line.message == "0"
    store.pack()
    assert [line.line.message for line in reading] == ["1", "2"]


# What retention has passed


@pytest.mark.parametrize("packed", [False, True])
def test_lines_that_are_too_old_cannot_be_read_any_more_at_once(
    open_store: Callable[[], LogStore], packed: bool
) -> None:
    store = open_store()
    append(store, "old", at=9)
    append(store, "young", at=10)
    append(store, "of another group", at=9, group="g")
    if packed:
        store.pack()
    store.expire({(*HERE, GROUP): 10})

    assert messages(store) == ["young"]
    assert messages(store, "g") == ["of another group"]


def test_the_disk_is_given_back_and_others_keep_their_lines(
    open_store: Callable[[], LogStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given: files of several groups
    monkeypatch.setattr(archive, "FILE_SIZE", 4_000)
    store = open_store()
    for number in range(10):
        append(store, *[f"{n * 7919 % 1000003}" * 5 for n in range(200)], at=number)
        append(store, f"kept {number}", at=number, group="g")
        store.pack()
    before = size(tmp_path)
    reading = store.read(*HERE, GROUP)
    next(reading)
    # When
    store.expire({(*HERE, GROUP): 9})
    store.pack()
    # Then
    assert size(tmp_path) < before / 4
    assert sum(1 for _ in reading) == 1_999, "A reader goes on with what it began to read."
    for open_again in (lambda: store, open_store):
        now = open_again()
        now.expire({(*HERE, GROUP): 9})
        assert len(messages(now)) == 200
        assert messages(now, "g") == [f"kept {number}" for number in range(10)]


def test_streams_go_with_their_last_line(
    open_store: Callable[[], LogStore], clock: FakeClock
) -> None:
    store = open_store()
    append(store, "old", at=5)
    store.pack()
    clock.advance(100)
    store.create_stream(*HERE, GROUP, "new and empty")
    store.expire({(*HERE, GROUP): int(clock.now() * 1000)})
    store.pack()

    for open_again in (lambda: store, open_store):
        now = open_again()
        assert [stream.name for stream in now.streams(*HERE, GROUP)] == ["new and empty"]
        assert now.stored_bytes(*HERE) == {GROUP: 0}


def test_streams_that_are_quiet_are_not_held_in_memory(
    open_store: Callable[[], LogStore],
) -> None:
    store = open_store()
    append(store, "line", at=5)
    assert store.has_recent(*HERE, GROUP, "s")
    store.pack()

    for open_again in (lambda: store, open_store):
        now = open_again()
        assert not now.has_recent(*HERE, GROUP, "s")
        stream = now.find_stream(*HERE, GROUP, "s")
        assert stream is not None
        assert (stream.first_ms, stream.last_ms) == (5, 5)


def test_stream_that_speaks_again_has_its_figures_of_before(
    open_store: Callable[[], LogStore], clock: FakeClock
) -> None:
    store = open_store()
    created_ms = int(clock.now() * 1000)
    append(store, "line", at=5)
    store.pack()
    clock.advance(10)
    append(store, "line", at=7)

    for open_again in (lambda: store, open_store):
        (stream,) = open_again().streams(*HERE, GROUP)
        assert (stream.created_ms, stream.first_ms, stream.last_ms) == (created_ms, 5, 7)
        assert stream.ingestion_ms == created_ms + 10_000


def test_streams_are_found_by_how_their_names_begin(open_store: Callable[[], LogStore]) -> None:
    store = open_store()
    names = ["a", "a\0b", "aé", "a\U0010ffff", "b", "%", "_"]
    for name in names:
        store.append(*HERE, GROUP, name, [LogLine(1, "line")])
    store.pack()
    for prefix in ("", "a", "a\0", "aé", "a\U0010ffff", "%", "_", "c"):
        found = [stream.name for stream in store.streams(*HERE, GROUP, prefix)]
        assert found == sorted(name for name in names if name.startswith(prefix))


def test_stream_that_is_made_again_after_it_was_too_old_is_there(
    open_store: Callable[[], LogStore], clock: FakeClock
) -> None:
    # Given
    store = open_store()
    append(store, "old", at=5)
    store.pack()
    clock.advance(100)
    cutoffs = {(*HERE, GROUP): int(clock.now() * 1000)}
    # When
    store.expire(cutoffs)
    assert store.streams(*HERE, GROUP) == []
    store.create_stream(*HERE, GROUP, "s")
    # Then
    assert [stream.first_ms for stream in store.streams(*HERE, GROUP)] == [None]
    store.pack()
    for open_again in (lambda: store, open_store):
        now = open_again()
        now.expire(cutoffs)
        now.pack()
        assert [stream.first_ms for stream in now.streams(*HERE, GROUP)] == [None]


def test_what_fails_after_a_segment_was_packed_doubles_nothing(
    open_store: Callable[[], LogStore],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given
    store = open_store()
    append(store, "one")
    # When
    with monkeypatch.context() as failing:
        failing.setattr(Segments, "remove", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.pack()
    store.pack()
    # Then
    for open_again in (lambda: store, open_store):
        now = open_again()
        assert messages(now) == ["one"]
        assert now.stored_bytes(*HERE) == {GROUP: 29}


def test_index_of_before_groups_had_sizes_gets_them(
    open_store: Callable[[], LogStore], tmp_path: Path
) -> None:
    # Given
    store = open_store()
    append(store, "line")
    store.pack()
    sizes = store.stored_bytes(*HERE)
    store.close()
    with closing(sqlite3.connect(tmp_path / "archive.sqlite")) as index:
        index.execute("ALTER TABLE groups DROP COLUMN stored_bytes")
    # When
    store = open_store()
    # Then
    assert store.stored_bytes(*HERE) == sizes == {GROUP: 30}


def test_deleted_group_gives_its_disk_back(
    open_store: Callable[[], LogStore], tmp_path: Path
) -> None:
    store = open_store()
    append(store, *[f"{n * 7919 % 1000003}" for n in range(5_000)])
    store.pack()
    assert size(tmp_path) > 10_000
    store.delete_group(*HERE, GROUP)
    store.pack()
    assert size(tmp_path) < 1_000


# Searching


def found(store: LogStore, *terms: str) -> list[str]:
    searched = store.search(*HERE, GROUP, terms=terms)
    return [line.line.message for line in searched if isinstance(line, StoredLine)]


@pytest.mark.parametrize("packed", [False, True])
def test_search_finds_what_has_all_terms(open_store: Callable[[], LogStore], packed: bool) -> None:
    store = open_store()
    identifiers = [sha256(b"%d" % number).hexdigest()[:32] for number in range(5_000)]
    append(store, *[f"request {each} took {n} ms" for n, each in enumerate(identifiers)])
    store.append(*HERE, GROUP, "t", [LogLine(2, "request of another stream")])
    if packed:
        store.pack()

    identifier = identifiers[4711]
    assert found(store, identifier) == [f"request {identifier} took 4711 ms"]
    assert found(store, identifier[3:27]) == [f"request {identifier} took 4711 ms"]
    assert [line.split()[3] for line in found(store, "took 99", "9 ms")] == ["99", "999"]
    assert found(store, "another", "request") == ["request of another stream"]
    assert found(store, "f" * 32) == []
    assert len(found(store)) == 5_001


def test_segment_of_the_former_format_is_read_and_packed(
    open_store: Callable[[], LogStore], tmp_path: Path
) -> None:
    (tmp_path / "00000001.segment").write_bytes(FORMER_SEGMENT)
    (tmp_path / "00000001.index").write_bytes(b"an index as it was")
    store = open_store()
    expected = ["one", "two\nGröße \ud800", "three"]
    assert messages(store) == expected
    append(store, "new", at=4)
    store.flush()
    assert messages(store) == [*expected, "new"]
    store.pack()
    assert messages(store) == [*expected, "new"]
    assert [group.name for group in store.groups(*HERE)] == [GROUP, "made"]


# Reading in another process


def test_another_process_reads_the_same_lines_even_if_they_are_packed_meanwhile(
    open_store: Callable[[], LogStore], tmp_path: Path
) -> None:
    # Given
    store = open_store()
    for at in range(6):
        store.append(*HERE, GROUP, f"s{at % 2}", [LogLine(at, f"{at}"), LogLine(at, f"{at}!")])
        store.flush()
        if at == 2:
            store.pack()
    append(store, "of another group", at=3, group="g")
    store.expire({(*HERE, GROUP): 2})
    expected = list(store.read(*HERE, GROUP, None, 0, 5))
    # When
    extent = store.extent(*HERE, [GROUP], 0, 5, tmp_path / "links")
    store.pack()
    # Then
    told = Extent.of_document(json.loads(json.dumps(extent.document())))
    found = [
        StoredLine(
            block.key[3],
            LogLine(at, message),
            block.ingestion_ms,
            Position(at, block.frame, block.block, number),
        )
        for block in scan(told)
        for number, at, message in zip(block.numbers, block.times, block.messages, strict=True)
    ]
    assert sorted(found, key=lambda line: line.position) == expected
    assert len(expected) == 6
