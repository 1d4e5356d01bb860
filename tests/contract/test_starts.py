"""The sandbox contract: how the first process of an environment comes to be."""

from __future__ import annotations

import os
import signal

import pytest
from sandbox_bench import Bench, namespaces_held
from sandbox_kinds import on_namespaces, on_pooled_ones, on_real_ones

ANOTHER_ACCOUNT = "111111111111"


@on_real_ones
def test_a_program_of_its_own_honours_what_is_read_when_an_interpreter_starts(
    bench: Bench,
) -> None:
    started = bench.start(start="spawn")
    started.assign(PYTHONOPTIMIZE="2")
    assert started.call({"do": "describe"})["optimize"] == 2


@on_real_ones
def test_a_program_of_its_own_is_one_in_every_run(bench: Bench) -> None:
    started = bench.start(start="spawn")
    started.assign(PYTHONOPTIMIZE="1")
    started.kill()
    started.restart()
    started.assign(PYTHONOPTIMIZE="2")
    assert started.call({"do": "describe"})["optimize"] == 2


@on_real_ones
@pytest.mark.parametrize("start", ["pool", "fork"])
def test_one_that_is_warm_has_read_it_already(bench: Bench, start: str) -> None:
    started = bench.start(start=start)
    started.assign(PYTHONOPTIMIZE="2")
    assert started.call({"do": "describe"})["optimize"] == 0


@on_pooled_ones
def test_a_start_takes_one_that_waits(bench: Bench) -> None:
    # Given
    bench.until(bench.is_full)
    waiting = bench.waiting()
    assert bench.sandboxes.count_waiting() == len(waiting)
    # When
    started = bench.start()
    assert bench.sandboxes.count_waiting() == len(waiting) - 1
    started.assign()
    # Then
    uid = started.call({"do": "describe"})["uid"]
    assert uid in waiting
    assert bench.waiting()[uid] == waiting[uid]


@on_pooled_ones
def test_another_waits_after_one_was_taken(bench: Bench) -> None:
    bench.until(bench.is_full)
    bench.start().assign()
    bench.until(bench.is_full)


@on_pooled_ones
def test_one_that_is_forked_or_a_program_takes_none_that_waits(bench: Bench) -> None:
    bench.until(bench.is_full)
    waiting = bench.waiting()
    for start in ("fork", "spawn"):
        started = bench.start(start, start=start)
        started.assign()
        assert started.call({"do": "describe"})["uid"] not in waiting


@on_pooled_ones
def test_what_waits_for_one_account_is_not_anothers(bench: Bench) -> None:
    bench.until(bench.is_full)
    waiting = bench.waiting()
    bench.prepare(ANOTHER_ACCOUNT)
    started = bench.start(account_id=ANOTHER_ACCOUNT)
    started.assign()
    assert started.call({"do": "describe"})["uid"] not in waiting


@on_pooled_ones
def test_one_that_waited_has_the_code_and_the_room_of_its_function(bench: Bench) -> None:
    bench.until(bench.is_full)
    started = bench.start(layers="layers", ephemeral_storage_mb=600)
    started.assign()
    assert started.call({"do": "read", "with": {"path": "/opt/shared.txt"}}) == "from a layer"
    started.call({"do": "fill", "with": {"mb": 520}})


@on_pooled_ones
def test_one_that_dies_waiting_is_given_to_nobody(bench: Bench) -> None:
    # Given
    bench.until(bench.is_full)
    waiting = bench.waiting()
    # When
    for pid in waiting.values():
        os.kill(pid, signal.SIGKILL)
    bench.until(lambda: not namespaces_held())  # it is known of all of them
    # Then
    started = bench.start()
    started.assign()
    assert started.call({"do": "describe"})["uid"] not in waiting


@on_pooled_ones
def test_close_ends_those_that_wait(bench: Bench) -> None:
    bench.until(bench.is_full)
    bench.sandboxes.close()
    bench.until(lambda: not bench.waiting())


@on_namespaces
def test_a_pool_that_is_dry_forks(bench: Bench) -> None:
    # Given a pool that has room for none
    assert bench.waiting() == {}
    # When
    started = bench.start()
    started.assign()
    # Then
    assert list(bench.waiting()) == [started.call({"do": "describe"})["uid"]]
