"""What stands in for control groups, with real processes."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable

import pytest

from lambdad.launcher.cgroups import Limits
from lambdad.launcher.contract import Gauges
from lambdad.launcher.no_cgroups import NoCgroups

pytestmark = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux only")

Fork = Callable[[Callable[[], int | None]], int]
MB = 1024 * 1024


def begin(fork: Fork, run: Callable[[], object]) -> int:
    """A process that has done something, and stays."""
    done, say_done = os.pipe()

    def live() -> None:
        result = run()
        os.write(say_done, b"x")
        signal.pause()
        del result

    pid = fork(live)
    os.read(done, 1)
    os.close(done)
    os.close(say_done)
    return pid


def allocate() -> bytearray:
    memory = bytearray(50 * MB)
    memory[::4096] = b"x" * len(memory[::4096])
    return memory


def test_it_is_known_that_the_kernel_keeps_no_limit() -> None:
    assert not NoCgroups().is_enforced


def test_the_data_of_a_process_is_limited_to_the_memory_and_what_it_inherited() -> None:
    limit = NoCgroups().create("e1").data_limit(Limits(128, 512))
    assert limit is not None
    assert 128 * MB <= limit < 256 * MB  # /tmp is not data


def test_the_memory_of_all_its_processes_is_in_use(fork: Fork) -> None:
    """What they have in common counts once."""
    group = NoCgroups().create("e1")
    assert group.memory_in_use(0) == 0
    own = NoCgroups().create("self")
    own.entered(os.getpid())
    inherited = own.memory_in_use(0)

    def run() -> bytearray:
        memory = allocate()
        if os.fork() == 0:
            signal.pause()
        return memory

    pid = begin(fork, run)
    group.entered(pid)
    try:
        assert 50 * MB < group.memory_in_use(0) < 100 * MB + inherited
    finally:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            for child in file.read().split():
                os.kill(int(child), signal.SIGKILL)


def test_who_has_ended_uses_none(fork: Fork) -> None:
    group = NoCgroups().create("e1")
    pid = begin(fork, lambda: None)
    group.entered(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert group.memory_in_use(0) == 0


def test_there_is_nothing_to_enter_to_set_or_to_remove() -> None:
    groups = NoCgroups()
    group = groups.create("e1")
    assert group.open_entrances() == []
    assert group.open_gauges(Limits(128)) == Gauges()
    assert (group.memory_peak(), group.out_of_memory_kills()) == (0, 0)
    group.forget_memory_peak()
    group.thaw()
    group.remove()
    groups.remove_all()
