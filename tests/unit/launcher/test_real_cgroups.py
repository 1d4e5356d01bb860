"""The control groups that this machine has, whichever they are, with real processes in them."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from lambdad.launcher.cgroup_search import find_cgroups
from lambdad.launcher.cgroups import Cgroup, Cgroups, Limits
from lambdad.launcher.contract import Gauges
from support.waiting import wait_until

pytestmark = [pytest.mark.root, pytest.mark.slow]

Fork = Callable[[Callable[[], int | None]], int]
MB = 1024 * 1024
QUIET_SECONDS = 0.1
SLOT = f"test-{os.getpid()}"


@pytest.fixture
def made() -> Iterator[Cgroups]:
    made = find_cgroups(SLOT)
    yield made
    made.remove_all()


@pytest.fixture
def group(made: Cgroups) -> Iterator[Cgroup]:
    group = made.create("e1")
    yield group
    group.remove()


@pytest.fixture
def gauges(group: Cgroup) -> Iterator[Gauges]:
    gauges = group.open_gauges(Limits(64, 64))
    yield gauges
    for descriptor in gauges.descriptors.values():
        os.close(descriptor)


def run_inside(fork: Fork, group: Cgroup, run: Callable[[], object]) -> int:
    entrances = group.open_entrances()
    inside, said_inside = os.pipe()

    def enter() -> None:
        for entrance in entrances:
            os.write(entrance, b"0")
        os.write(said_inside, b"x")
        run()

    pid = fork(enter)
    os.read(inside, 1)
    for descriptor in (*entrances, inside, said_inside):
        os.close(descriptor)
    return pid


def end(pid: int) -> int:
    os.kill(pid, signal.SIGKILL)
    return os.waitpid(pid, 0)[1]


def allocate(mb: int) -> bytearray:
    memory = bytearray(mb * MB)
    memory[::4096] = b"x" * len(memory[::4096])
    return memory


def test_a_process_that_wants_too_much_is_killed_and_counted(fork: Fork, group: Cgroup) -> None:
    group.limit(Limits(32, 16))
    assert group.out_of_memory_kills() == 0
    pid = run_inside(fork, group, lambda: allocate(100))
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    assert group.out_of_memory_kills() > 0


def test_what_is_in_use_and_the_peak_are_seen(fork: Fork, group: Cgroup, gauges: Gauges) -> None:
    # Given a process that holds some memory, then less
    group.limit(Limits(256, 16))
    told, tell = os.pipe()

    def hold() -> None:
        memory = allocate(50)
        os.write(tell, b"x")
        signal.pause()
        del memory

    pid = run_inside(fork, group, hold)
    os.read(told, 1)
    # When, Then
    assert 50 * MB < group.memory_in_use(0) < 100 * MB
    end(pid)
    assert group.memory_peak() > 50 * MB
    assert int(os.pread(gauges.descriptors["memory_peak"], 32, 0)) > 50 * MB
    os.close(told)
    os.close(tell)


def test_tmp_is_not_in_use(fork: Fork, group: Cgroup) -> None:
    shared = Path(f"/dev/shm/lambdad-{SLOT}")
    group.limit(Limits(256, 256))
    done, say_done = os.pipe()

    def fill() -> None:
        with shared.open("wb") as file:
            for _ in range(100):
                file.write(b"x" * MB)
        os.write(say_done, b"x")
        signal.pause()

    pid = run_inside(fork, group, fill)
    try:
        os.read(done, 1)
        assert group.memory_in_use(100 * MB) < 50 * MB
        assert group.memory_in_use(0) > 100 * MB
    finally:
        end(pid)
        shared.unlink()
        os.close(done)
        os.close(say_done)


@pytest.fixture
def talking(fork: Fork, group: Cgroup) -> Iterator[tuple[int, int]]:
    """A process in the group that says something all the time: its pid, and where it can be
    heard."""
    reading, writing = os.pipe()

    def talk() -> None:
        while True:
            os.write(writing, b"x")
            time.sleep(0.001)

    yield run_inside(fork, group, talk), reading
    os.close(reading)
    os.close(writing)


def is_quiet(descriptor: int) -> bool:
    while select.select([descriptor], [], [], 0)[0]:
        os.read(descriptor, 65536)
    return not select.select([descriptor], [], [], QUIET_SECONDS)[0]


def set_freezer(gauges: Gauges, text: str) -> None:
    if "freezer" not in gauges.descriptors:
        pytest.skip("no cgroup can freeze on this machine")
    os.pwrite(gauges.descriptors["freezer"], gauges.texts[text].encode(), 0)


def test_the_gauge_stops_who_is_inside(talking: tuple[int, int], gauges: Gauges) -> None:
    pid, reading = talking
    for _ in range(2):
        set_freezer(gauges, "frozen")
        wait_until(lambda: is_quiet(reading), "it is frozen", timeout=5)
        set_freezer(gauges, "thawed")
        os.read(reading, 1)
    end(pid)


def test_who_is_frozen_dies_when_killed_and_thawed(
    talking: tuple[int, int], group: Cgroup, gauges: Gauges
) -> None:
    pid, reading = talking
    set_freezer(gauges, "frozen")
    wait_until(lambda: is_quiet(reading), "it is frozen", timeout=5)
    os.kill(pid, signal.SIGKILL)
    group.thaw()
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_what_a_killed_server_left_is_ended_and_removed(
    talking: tuple[int, int], gauges: Gauges
) -> None:
    pid, reading = talking
    set_freezer(gauges, "frozen")
    wait_until(lambda: is_quiet(reading), "it is frozen", timeout=5)
    find_cgroups(SLOT)
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    assert [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/lambdad-{SLOT}/e1")] == []


def test_a_group_that_was_removed_may_be_made_again(made: Cgroups) -> None:
    made.create("e2").remove()
    made.create("e2").remove()


def test_no_two_groups_have_one_name(made: Cgroups, group: Cgroup) -> None:
    with pytest.raises(FileExistsError):
        made.create("e1")
    for entrance in group.open_entrances():  # it is as it was
        os.close(entrance)
