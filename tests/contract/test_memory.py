"""The sandbox contract: who uses more memory than it may is killed; /tmp does not count."""

from __future__ import annotations

import pytest
from sandbox_bench import Bench
from sandbox_kinds import BARE, needs_cgroups, on_namespaces
from user_namespace_run import IN_USER_NAMESPACE


def test_who_uses_little_is_left_alone(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.call({"n": 1})
    assert started.sandbox.check_memory() is not None
    assert started.call({"n": 2}) == {"n": 2}


@on_namespaces
def test_who_uses_more_than_it_may_is_killed(bench: Bench) -> None:
    started = bench.start(memory_mb=128, ephemeral_storage_mb=512)
    started.assign()
    started.call({"do": "allocate", "with": {"mb": 150}})
    assert started.sandbox.check_memory() is None
    how = started.end()
    assert (how.status, how.out_of_memory) == (9, True)
    assert how.memory_peak > 150 << 20 or IN_USER_NAMESPACE  # where nobody counts it


@on_namespaces
def test_what_lies_in_tmp_is_no_memory(bench: Bench) -> None:
    started = bench.start(memory_mb=128, ephemeral_storage_mb=512)
    started.assign()
    started.call({"do": "fill", "with": {"mb": 150}})
    assert started.sandbox.check_memory() is not None
    assert started.call({"n": 1}) == {"n": 1}
    how = started.kill()
    assert not how.out_of_memory
    assert how.memory_peak < 128 << 20


@needs_cgroups
@on_namespaces
def test_the_kernel_kills_who_uses_more_than_memory_and_tmp_together(bench: Bench) -> None:
    started = bench.start(memory_mb=128, ephemeral_storage_mb=64)
    started.assign()
    started.send_event({"do": "allocate", "with": {"mb": 300}})
    assert started.end().out_of_memory


@needs_cgroups
@on_namespaces
def test_one_that_lost_a_process_to_the_kernel_is_killed(bench: Bench) -> None:
    """It is not known which, and the others would go on without it."""
    # Given a process of the function's that the kernel has killed
    started = bench.start(memory_mb=128, ephemeral_storage_mb=64)
    started.assign()
    assert started.call({"do": "allocate_below", "with": {"mb": 300}}) == -9
    # When
    if not started.has_ended:  # the kernel may end all of it by itself
        started.sandbox.check_memory()
    # Then
    assert started.end().out_of_memory


@needs_cgroups
@on_namespaces
def test_a_run_after_one_that_was_out_of_memory_is_not(bench: Bench) -> None:
    # Given one run that the kernel killed, and one that was found to use too much
    started = bench.start(memory_mb=128, ephemeral_storage_mb=64)
    started.assign()
    started.send_event({"do": "allocate", "with": {"mb": 300}})
    started.end()
    started.restart()
    started.assign()
    started.call({"do": "allocate", "with": {"mb": 150}})
    assert started.sandbox.check_memory() is None
    assert started.end().out_of_memory
    # When
    started.restart()
    started.assign()
    # Then
    assert started.call({"n": 1}) == {"n": 1}
    assert not started.kill().out_of_memory


@on_namespaces
def test_what_is_in_tmp_from_a_run_before_is_no_memory_of_the_next(bench: Bench) -> None:
    started = bench.start(memory_mb=128, ephemeral_storage_mb=512)
    started.assign()
    started.call({"do": "fill", "with": {"mb": 150}})
    started.kill()
    started.restart()
    started.assign()
    assert started.sandbox.check_memory() is not None
    assert started.call({"n": 1}) == {"n": 1}


@pytest.mark.parametrize("bench", [BARE], indirect=True)
def test_without_cgroups_a_process_gets_no_more_data_than_that(bench: Bench) -> None:
    started = bench.start(memory_mb=128)
    started.assign()
    assert started.call({"do": "try_to_allocate", "with": {"mb": 400}}) == "MemoryError"
    assert started.call({"n": 1}) == {"n": 1}


@pytest.mark.parametrize("bench", [BARE], indirect=True)
def test_without_cgroups_the_shares_of_all_processes_are_added_up(bench: Bench) -> None:
    started = bench.start(memory_mb=128)
    started.assign()
    started.call({"do": "allocate", "with": {"mb": 140}})
    assert started.sandbox.check_memory() is None
    assert started.end().out_of_memory
