"""How much memory a sandbox has used at most: by tables, read from real descriptors."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lambdad.environment.memory import MemoryInUse

MB = 1 << 20
PAGE = os.sysconf("SC_PAGE_SIZE")
SOMETHING = 77 * MB


class Figures:
    """What there is to read of a process, its cgroup, and its /tmp."""

    def __init__(self, *, has_cgroup: bool = True, tmp: int | None = None) -> None:
        self.statm = os.memfd_create("statm")
        self.peak = os.memfd_create("memory.peak") if has_cgroup else None
        self.set(0, 0)
        self.memory = MemoryInUse(os.dup(self.statm), self.peak, tmp)

    def set(self, resident: int | None = None, peak: int | None = None) -> None:
        """In bytes."""
        if resident is not None:
            write(self.statm, f"99999 {resident // PAGE} 1 2 0 3 0\n")
        if peak is not None and self.peak is not None:
            write(self.peak, f"{peak}\n")

    def close(self) -> None:
        self.memory.close()
        for descriptor in (self.statm, self.peak):
            if descriptor is not None:
                os.close(descriptor)


def write(descriptor: int, content: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, content.encode(), 0)


def look(memory: MemoryInUse) -> int:
    """Read, and tell the most so far."""
    memory.read()
    return memory.peak_mb()


@pytest.fixture
def make_figures() -> Iterator[Callable[..., Figures]]:
    made: list[Figures] = []

    def make(**parameters: int | bool | None) -> Figures:
        made.append(Figures(**parameters))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for figures in made:
        figures.close()


# During Init: the first process and the cgroup, the larger


@pytest.mark.parametrize(
    ("resident", "charged", "megabytes"),
    [(30 * MB, 10 * MB, 30), (30 * MB, 40 * MB, 40), (0, 10 * MB, 10), (0, 10 * MB + 1, 11)],
)
def test_before_init_is_over_the_larger_figure_counts(
    make_figures: Callable[..., Figures], resident: int, charged: int, megabytes: int
) -> None:
    figures = make_figures()
    figures.set(resident, charged)
    assert look(figures.memory) == megabytes


# After Init: what was shared then, and what the cgroup is charged


@pytest.mark.parametrize(
    ("resident", "charged", "later", "megabytes"),
    [
        (30 * MB, 10 * MB, 10 * MB, 30),  # 20 are shared with the zygote
        (30 * MB, 10 * MB, 50 * MB, 70),
        (30 * MB, 40 * MB, 40 * MB, 40),  # it is charged for files too: nothing is shared
        (30 * MB, 40 * MB, 50 * MB, 50),
        (30 * MB, 0, 0, 30),
    ],
)
def test_after_init_what_is_shared_is_added_to_what_is_charged(
    make_figures: Callable[..., Figures],
    resident: int,
    charged: int,
    later: int,
    megabytes: int,
) -> None:
    # Given
    figures = make_figures()
    figures.set(resident, charged)
    # When
    figures.memory.settle()
    figures.set(resident=SOMETHING, peak=later)  # the first process is not asked any more
    # Then
    assert look(figures.memory) == megabytes


def test_settling_twice_changes_nothing(make_figures: Callable[..., Figures]) -> None:
    figures = make_figures()
    figures.set(30 * MB, 10 * MB)
    figures.memory.settle()
    figures.set(resident=SOMETHING, peak=20 * MB)
    figures.memory.settle()
    assert look(figures.memory) == 40


def test_without_a_cgroup_the_first_process_is_asked_all_its_life(
    make_figures: Callable[..., Figures],
) -> None:
    figures = make_figures(has_cgroup=False)
    figures.set(resident=30 * MB)
    figures.memory.settle()
    figures.set(resident=50 * MB)
    assert look(figures.memory) == 50


def test_it_never_falls(make_figures: Callable[..., Figures]) -> None:
    figures = make_figures()
    figures.set(resident=30 * MB, peak=10 * MB)
    look(figures.memory)
    figures.set(resident=1 * MB, peak=10 * MB)
    assert look(figures.memory) == 30


# What lies in /tmp


def test_a_tmp_in_which_nothing_is_takes_nothing(make_figures: Callable[..., Figures]) -> None:
    figures = make_figures(tmp=os.open("/proc", os.O_PATH))
    figures.set(resident=0, peak=10 * MB)
    assert look(figures.memory) == 10


@pytest.mark.root
@pytest.mark.parametrize(
    ("resident", "charged", "later", "files_before", "files_after", "megabytes"),
    [
        (30 * MB, 10 * MB, 30 * MB, 0, 20, 30),  # all that was added is files
        (30 * MB, 10 * MB, 45 * MB, 0, 20, 45),
        (30 * MB, 30 * MB, 30 * MB, 20, 20, 30),  # files of Init, or of an earlier run
        (30 * MB, 30 * MB, 50 * MB, 20, 20, 50),
    ],
)
def test_what_lies_in_tmp_is_no_memory(
    make_figures: Callable[..., Figures],
    tmp: Path,
    resident: int,
    charged: int,
    later: int,
    files_before: int,
    files_after: int,
    megabytes: int,
) -> None:
    # Given
    figures = make_figures(tmp=os.open(tmp, os.O_PATH))
    (tmp / "file").write_bytes(bytes(files_before * MB))
    figures.set(resident, charged)
    figures.memory.settle()
    # When
    (tmp / "file").write_bytes(bytes(files_after * MB))
    figures.set(peak=later)
    # Then
    assert look(figures.memory) == megabytes


@pytest.mark.root
def test_what_is_held_of_the_machine_is_with_what_lies_in_tmp(
    make_figures: Callable[..., Figures], tmp: Path
) -> None:
    figures = make_figures(tmp=os.open(tmp, os.O_PATH))
    figures.set(30 * MB, 10 * MB)
    figures.memory.settle()
    (tmp / "file").write_bytes(bytes(20 * MB))
    figures.set(peak=30 * MB)
    look(figures.memory)
    assert figures.memory.held == 30 * MB  # and not what the zygote was charged


# Ends


@pytest.mark.parametrize("content", ["", "1"])
def test_a_process_that_has_just_ended_tells_nothing_and_breaks_nothing(
    make_figures: Callable[..., Figures], content: str
) -> None:
    figures = make_figures()
    figures.memory.raise_to(7 * MB)
    write(figures.statm, content)
    assert look(figures.memory) == 7


def test_a_process_that_ends_with_its_init_breaks_nothing(
    make_figures: Callable[..., Figures],
) -> None:
    """It asked for an event, and is dead before anybody reads how large it is."""
    figures = make_figures()
    figures.set(peak=7 * MB)
    write(figures.statm, "")
    figures.memory.settle()
    assert look(figures.memory) == 7


def test_the_statm_of_a_process_that_was_reaped_breaks_nothing() -> None:
    """The kernel then says that there is no such process."""
    # Given
    process = subprocess.Popen(["/bin/sleep", "60"])
    statm = os.open(f"/proc/{process.pid}/statm", os.O_RDONLY)
    process.kill()
    process.wait()
    peak = os.memfd_create("memory.peak")
    write(peak, str(7 * MB))
    memory = MemoryInUse(statm, peak)
    # When
    memory.settle()
    # Then
    assert look(memory) == 7
    memory.close()
    os.close(peak)


def test_closing_reads_once_more_and_is_legal_twice(make_figures: Callable[..., Figures]) -> None:
    figures = make_figures()
    figures.set(resident=5 * MB, peak=0)
    figures.memory.close()
    figures.memory.close()
    assert look(figures.memory) == 5


def test_closing_gives_back_what_it_owns(
    open_descriptors: Callable[[], set[str]], make_figures: Callable[..., Figures]
) -> None:
    figures = make_figures(tmp=os.open("/proc", os.O_PATH))
    figures.memory.settle()
    figures.memory.close()
    before = open_descriptors()
    other = Figures(tmp=os.open("/proc", os.O_PATH))
    other.memory.close()
    kept = {name.split()[1] for name in open_descriptors() - before}
    assert kept == {"/memfd:statm", "/memfd:memory.peak"}  # the test's own
    other.close()


@pytest.mark.parametrize(
    ("sizes", "megabytes"), [([3 * MB, 2 * MB], 3), ([2 * MB, 3 * MB], 3), ([], 0)]
)
def test_what_somebody_else_measured_counts(sizes: list[int], megabytes: int) -> None:
    memory = MemoryInUse()
    for size in sizes:
        memory.raise_to(size)
    assert look(memory) == megabytes


def test_what_somebody_else_measured_is_without_what_is_shared(
    make_figures: Callable[..., Figures],
) -> None:
    figures = make_figures()
    figures.set(30 * MB, 10 * MB)
    figures.memory.settle()
    figures.memory.raise_to(40 * MB)
    assert look(figures.memory) == 60


# What somebody has looked at


def test_what_was_files_or_cache_when_somebody_looked_is_no_memory_any_more(
    make_figures: Callable[..., Figures],
) -> None:
    # Given 400 MB that were written to /tmp and deleted, in a cgroup that remembers its peak
    figures = make_figures()
    figures.set(30 * MB, 10 * MB)
    figures.memory.settle()
    figures.set(peak=410 * MB)
    figures.memory.read()
    assert figures.memory.last_mb == 430
    # When the launcher has looked, and found 12 MB of memory
    figures.memory.correct(12 * MB)
    # Then
    assert look(figures.memory) == 32
    # And what grows beyond the old peak counts again
    figures.set(peak=420 * MB)
    assert look(figures.memory) == 42


def test_nothing_is_read_between_two_looks(make_figures: Callable[..., Figures]) -> None:
    figures = make_figures()
    figures.set(30 * MB, 10 * MB)
    figures.memory.read()
    figures.set(peak=90 * MB)
    assert (figures.memory.last_mb, figures.memory.peak_mb()) == (30, 30)
