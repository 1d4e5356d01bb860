"""Segments: a torn end is cut, a damaged frame is skipped, a newer format is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdad.errors import SettingsError
from lambdad.model.lines import Lines
from lambdad.model.log_line import LogLine
from lambdad.observe.frames import serialize_frame
from lambdad.observe.segments import Segments, write_frame

KEY = ("000000000000", "us-east-1", "/aws/lambda/f", "s")


def write_frames(directory: Path, *numbers: int) -> None:
    segments = Segments.open(directory)
    for number in numbers:
        content = serialize_frame(number, 1, {KEY: Lines.of([LogLine(number, f"line {number}")])})
        segment = segments.current()
        segment.publish(write_frame(segment, content))


def frame_ids(directory: Path) -> list[int]:
    segments = Segments.open(directory)
    return [
        frame.header.frame_id
        for segment in segments
        for frame in segment.frames
        if segment.body(frame) is not None
    ]


def test_segment_torn_at_any_byte_keeps_all_whole_frames_and_takes_new_ones(
    tmp_path: Path,
) -> None:
    write_frames(tmp_path, 1, 2)
    path = tmp_path / "00000001.segment"
    before = path.stat().st_size
    write_frames(tmp_path, 3)
    whole = path.read_bytes()

    for size in range(before, len(whole)):
        path.write_bytes(whole[:size])
        assert frame_ids(tmp_path) == [1, 2]
        assert path.stat().st_size == before
    path.write_bytes(whole[:-1])
    write_frames(tmp_path, 4)
    assert frame_ids(tmp_path) == [1, 2, 4]


def test_end_with_any_byte_changed_is_cut(tmp_path: Path) -> None:
    write_frames(tmp_path, 1, 2)
    path = tmp_path / "00000001.segment"
    before = path.stat().st_size
    write_frames(tmp_path, 3)
    whole = path.read_bytes()

    # The first three bytes of a frame say whether it is one at all.
    for offset in range(before, len(whole)):
        damaged = bytearray(whole)
        damaged[offset] ^= 0x55
        path.write_bytes(damaged)
        assert frame_ids(tmp_path) == [1, 2]


@pytest.mark.parametrize("garbage", [b"\0" * 5_000, b"LLF2" + b"\xff" * 100, b"x"])
def test_garbage_behind_the_last_frame_is_cut(tmp_path: Path, garbage: bytes) -> None:
    write_frames(tmp_path, 1, 2)
    path = tmp_path / "00000001.segment"
    whole = path.read_bytes()
    path.write_bytes(whole + garbage)

    assert frame_ids(tmp_path) == [1, 2]
    assert path.read_bytes() == whole


def test_file_that_is_torn_from_its_beginning_is_used_again(tmp_path: Path) -> None:
    (tmp_path / "00000001.segment").write_bytes(b"LL")
    write_frames(tmp_path, 1)

    assert frame_ids(tmp_path) == [1]


def test_body_damaged_in_the_middle_costs_that_frame_only(tmp_path: Path) -> None:
    write_frames(tmp_path, 1)
    path = tmp_path / "00000001.segment"
    last_of_the_body = path.stat().st_size - 1
    write_frames(tmp_path, 2, 3)
    damaged = bytearray(path.read_bytes())
    damaged[last_of_the_body] ^= 0x55
    path.write_bytes(damaged)

    assert frame_ids(tmp_path) == [2, 3]


@pytest.mark.parametrize("is_last", [True, False])
def test_segment_of_a_newer_lambdad_is_refused_and_left_alone(
    tmp_path: Path, is_last: bool
) -> None:
    path = tmp_path / "00000001.segment"
    path.write_bytes(b"LLF3 and something that only the future can read")
    if not is_last:
        (tmp_path / "00000002.segment").touch()

    with pytest.raises(SettingsError, match="newer lambdad"):
        Segments.open(tmp_path)
    assert path.read_bytes().startswith(b"LLF3 and")


def test_segment_of_many_small_frames_is_full_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdad.observe.segments.MAX_FRAMES", 2)
    write_frames(tmp_path, 1, 2, 3)

    assert frame_ids(tmp_path) == [1, 2, 3]
    assert len(list(tmp_path.glob("*.segment"))) == 2


def test_sealed_segment_takes_no_more_frames_even_if_no_new_one_could_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdad.observe.segments.MAX_FRAMES", 1)
    segments = Segments.open(tmp_path)
    content = serialize_frame(1, 1, {KEY: Lines.of([LogLine(1, "x")])})
    first = segments.current()
    first.publish(write_frame(first, content))
    (tmp_path / "00000002.segment").mkdir()  # in the way; `touch` does not mind, writing does
    for _ in range(2):
        segment = segments.current()
        assert segment is not first
    with pytest.raises(OSError, match="directory"):
        write_frame(segment, content)


def test_segments_roll_when_full_and_are_numbered_in_order(tmp_path: Path) -> None:
    segments = Segments.open(tmp_path, segment_size=1)
    for number in (1, 2, 3):
        content = serialize_frame(number, 1, {KEY: Lines.of([LogLine(number, "x")])})
        segment = segments.current()
        segment.publish(write_frame(segment, content))

    assert sorted(path.name for path in tmp_path.glob("*.segment")) == [
        "00000001.segment",
        "00000002.segment",
        "00000003.segment",
    ]
    assert Segments.open(tmp_path).last_frame == 3
