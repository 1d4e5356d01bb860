"""How busy the processors are."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambdad.invocation.processors import Processors


def write(stat: Path, *, busy: int, idle: int, waits: int = 0) -> None:
    stat.write_text(f"cpu  {busy} 0 0 {idle} {waits} 0 0 0 7 7\ncpu0 1 1 1 1 1 1 1 1 1 1\n")


@pytest.fixture
def stat(tmp_path: Path) -> Path:
    path = tmp_path / "stat"
    write(path, busy=1_000, idle=1_000)
    return path


@pytest.mark.parametrize(
    ("busy", "idle", "waits", "share"),
    [(100, 0, 0, 0.0), (0, 100, 0, 1.0), (75, 25, 0, 0.25), (50, 25, 25, 0.5)],
)
def test_what_counts_is_the_time_since_the_last_question(
    stat: Path, busy: int, idle: int, waits: int, share: float
) -> None:
    processors = Processors(stat)
    write(stat, busy=1_000 + busy, idle=1_000 + idle, waits=waits)
    assert processors.idle_share() == share
    write(stat, busy=2_000 + busy, idle=1_000 + idle, waits=waits)
    assert processors.idle_share() == 0.0


def test_no_time_has_passed(stat: Path) -> None:
    assert Processors(stat).idle_share() == 1.0


@pytest.mark.parametrize("text", ["", "cpu", "cpu x y z", "nonsense\n"])
def test_a_file_that_says_nothing(stat: Path, text: str) -> None:
    stat.write_text(text)
    assert Processors(stat).idle_share() == 1.0


def test_a_machine_without_the_file(tmp_path: Path) -> None:
    assert Processors(tmp_path / "none").idle_share() == 1.0


def test_time_that_goes_back_is_no_share_of_anything(stat: Path) -> None:
    processors = Processors(stat)
    write(stat, busy=2_000, idle=500)
    assert processors.idle_share() == 0.0
    write(stat, busy=10, idle=10)
    assert processors.idle_share() == 1.0


def test_this_machine() -> None:
    processors = Processors()
    assert processors.count >= 1
    assert 0.0 <= processors.idle_share() <= 1.0
