"""The sandbox contract: a place is given back, with all that was in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sandbox_bench import Bench
from sandbox_kinds import PROCESS, needs_cgroups, on_namespaces


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_discard_ends_what_runs_and_then_the_identifier_is_free(bench: Bench) -> None:
    # Given
    started = bench.start("same")
    started.assign()
    # When
    started.sandbox.discard()
    started.end()
    # Then
    assert len(started.ends) == 1
    again = bench.start("same")
    again.assign()
    assert again.call({"n": 1}) == {"n": 1}


def test_an_identifier_is_not_free_before_its_processes_have_ended(bench: Bench) -> None:
    started = bench.start("same")
    started.assign()
    started.sandbox.discard()
    with pytest.raises(OSError, match="has a sandbox already"):
        bench.start("same")
    started.end()


def test_discard_after_the_end_tells_nothing_more(bench: Bench) -> None:
    started = bench.start("same")
    started.assign()
    started.kill()
    started.sandbox.discard()
    started.sandbox.discard()
    bench.loop.run_once(0.05)
    assert len(started.ends) == 1
    bench.start("same").assign()


def test_discard_before_the_sandbox_is_ready_ends_it(bench: Bench) -> None:
    started = bench.start()
    started.sandbox.discard()
    started.end()
    assert len(started.ends) == 1


def test_a_second_run_is_discarded_as_the_first(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.kill()
    started.restart()
    started.assign()
    started.sandbox.discard()
    started.end()
    assert len(started.ends) == 2


def test_no_descriptor_is_left_of_what_is_discarded(bench: Bench) -> None:
    # Given what the kind keeps for all of its sandboxes
    first = bench.start("first")
    first.assign()
    first.call({"n": 1})
    bench.until(bench.is_full)
    before = open_descriptors()
    # When
    for n in range(3):
        started = bench.start(f"e{n}")
        started.assign()
        started.call({"n": 1})
        started.kill()
        started.restart()
        started.assign()
        started.sandbox.discard()
        started.end()
        started.hang_up()
    # Then
    bench.until(lambda: bench.is_full() and open_descriptors() <= before)


@pytest.mark.parametrize("bench", [PROCESS], indirect=True)
def test_the_temporary_directory_goes_when_its_place_is_given_back(
    bench: Bench, directory: Path
) -> None:
    # Given one that has ended, but could run again
    started = bench.start()
    started.assign()
    started.call({"do": "write", "with": {"name": "note", "text": "secret"}})
    started.kill()
    assert list((directory / "sandboxes").glob("*/note"))
    # When
    started.sandbox.discard()
    # Then
    bench.until(lambda: not list((directory / "sandboxes").iterdir()))


@needs_cgroups
@on_namespaces
def test_the_cgroup_goes_when_its_place_is_given_back(bench: Bench) -> None:
    # Given one that has ended, but could run again
    started = bench.start()
    started.assign()
    gauges = started.sandbox.gauges()
    peak = os.readlink(f"/proc/self/fd/{gauges.descriptors['memory_peak']}")
    for descriptor in gauges.descriptors.values():
        os.close(descriptor)
    started.kill()
    assert os.path.exists(peak)
    # When
    started.sandbox.discard()
    # Then
    assert not os.path.exists(peak)
