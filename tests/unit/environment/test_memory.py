"""How much memory a sandbox has used at most: the larger of two figures, the most so far."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lambdad.environment.memory import MemoryInUse

MB = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")


class Figures:
    def __init__(self, directory: Path) -> None:
        self.statm, self.peak = directory / "statm", directory / "peak"
        self.set(0, 0)
        self.memory = MemoryInUse()
        self.memory.watch(os.open(self.statm, os.O_RDONLY), os.open(self.peak, os.O_RDONLY))

    def set(self, resident: int, peak: int) -> None:
        self.statm.write_text(f"99999 {resident // PAGE} 1 2 0 3 0\n")
        self.peak.write_text(f"{peak}\n")


@pytest.fixture
def figures(tmp_path: Path) -> Figures:
    return Figures(tmp_path)


def test_the_larger_figure_counts(figures: Figures) -> None:
    figures.set(resident=30 * MB, peak=10 * MB)
    assert figures.memory.peak_mb() == 30
    figures.set(resident=30 * MB, peak=40 * MB)
    assert figures.memory.peak_mb() == 40


def test_it_never_falls(figures: Figures) -> None:
    figures.set(resident=30 * MB, peak=10 * MB)
    figures.memory.peak_mb()
    figures.set(resident=1 * MB, peak=10 * MB)
    assert figures.memory.peak_mb() == 30


def test_every_begun_megabyte_counts(figures: Figures) -> None:
    figures.set(resident=0, peak=10 * MB + 1)
    assert figures.memory.peak_mb() == 11


@pytest.mark.parametrize("content", ["", "1"])
def test_a_process_that_has_just_ended_tells_nothing_and_breaks_nothing(
    figures: Figures, content: str
) -> None:
    figures.memory.raise_to(7 * MB)
    figures.statm.write_text(content)
    assert figures.memory.peak_mb() == 7


def test_closing_reads_once_more_and_is_legal_twice(figures: Figures) -> None:
    figures.set(resident=5 * MB, peak=0)
    figures.memory.close()
    figures.memory.close()
    assert figures.memory.peak_mb() == 5


def test_what_somebody_else_measured_counts() -> None:
    memory = MemoryInUse()
    memory.raise_to(3 * MB)
    memory.raise_to(2 * MB)
    assert memory.peak_mb() == 3
