"""The sandbox contract: another run in the same place."""

from __future__ import annotations

import os

import pytest
from sandbox_bench import Bench
from sandbox_kinds import on_namespaces, on_real_ones


def test_one_that_has_ended_runs_again(bench: Bench) -> None:
    # Given
    started = bench.start()
    started.assign()
    started.call({"n": 1})
    started.kill()
    # When
    started.restart()
    started.assign()
    # Then
    assert started.call({"n": 2}) == {"n": 2}


def test_the_end_is_told_once_for_each_run(bench: Bench) -> None:
    started = bench.start()
    for run in range(1, 4):
        started.assign()
        started.sandbox.kill()
        started.sandbox.kill()
        started.end()
        bench.loop.run_once(0.05)
        assert len(started.ends) == run
        if run < 3:
            started.restart()


def test_nothing_runs_again_before_its_end(bench: Bench) -> None:
    # Given
    started = bench.start()
    started.assign()
    # When, Then
    with pytest.raises(OSError, match="only a sandbox whose processes have ended"):
        started.restart()
    assert started.call({"n": 1}) == {"n": 1}  # and it has come to no harm


def test_nothing_runs_again_that_is_discarded(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.kill()
    started.sandbox.discard()
    with pytest.raises(OSError, match="only a sandbox whose processes have ended"):
        started.restart()


def test_a_node_that_hangs_up_ends_a_second_run(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.kill()
    started.restart()
    started.hang_up()
    started.end()
    assert len(started.ends) == 2


@on_real_ones
def test_what_the_temporary_directory_held_is_still_there(bench: Bench) -> None:
    # Given
    started = bench.start()
    started.assign()
    started.call({"do": "write", "with": {"name": "note", "text": "for later"}})
    loaded = started.call({"do": "describe"})["loaded"]
    started.kill()
    # When
    started.restart()
    started.assign()
    # Then it is another process in the same place
    assert started.call({"do": "read", "with": {"path": "note"}}) == "for later"
    assert started.call({"do": "describe"})["loaded"] > loaded


@on_real_ones
def test_a_second_run_has_the_user_of_the_first(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    first = started.call({"do": "describe"})["uid"]
    started.kill()
    started.restart()
    started.assign()
    assert started.call({"do": "describe"})["uid"] == first


@on_real_ones
def test_the_assignment_of_each_run_is_its_own(bench: Bench) -> None:
    started = bench.start()
    started.assign(FIRST="1")
    started.kill()
    started.restart()
    started.assign(SECOND="2")
    environ = started.call({"do": "describe"})["environ"]
    assert (environ.get("FIRST"), environ.get("SECOND")) == (None, "2")


@on_real_ones
def test_how_a_run_ended_says_nothing_about_the_next(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.send_event({"do": "leave", "with": {"status": 3}})
    started.end()
    started.restart()
    started.assign()
    started.send_event({"do": "leave", "with": {"status": 4}})
    started.end()
    assert [os.waitstatus_to_exitcode(how.status) for how in started.ends] == [3, 4]


@on_namespaces
def test_the_listeners_of_the_first_run_serve_the_second(bench: Bench) -> None:
    # Given
    started = bench.start()
    started.assign()
    started.call({"n": 1})
    assert started.handed == ["runtime_api", "endpoint", "xray_daemon", "memory", "tmp"]
    started.kill()
    # When
    started.restart()
    started.assign()
    # Then
    assert started.handed == ["memory", "tmp"]
    assert started.call({"n": 2}) == {"n": 2}


@on_namespaces
def test_no_process_of_the_first_run_is_there_in_the_second(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.call({"do": "start_process"})
    assert len(started.call({"do": "describe"})["processes"]) == 2
    started.kill()
    started.restart()
    started.assign()
    assert started.call({"do": "describe"})["processes"] == ["1"]


@on_namespaces
def test_the_second_run_is_forked_by_a_new_zygote_when_the_first_has_died(bench: Bench) -> None:
    # Given
    started = bench.start()
    started.assign()
    started.call({"do": "write", "with": {"name": "note", "text": "for later"}})
    (zygote,) = bench.zygotes()
    os.kill(zygote, 9)
    started.end()
    # When
    started.restart()
    started.assign()
    # Then
    assert started.call({"do": "read", "with": {"path": "note"}}) == "for later"
