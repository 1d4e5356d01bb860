"""The sandbox contract, on every kind of sandbox that there is: one run, from start to end."""

from __future__ import annotations

import os

import pytest
from sandbox_bench import Bench

from lambdad.environment.cpu_time import CpuTime
from lambdad.launcher.contract import Exit


def test_an_event_is_answered_through_the_handed_out_listener(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    assert {"runtime_api", "endpoint", "xray_daemon"} <= set(started.handed)
    assert started.call({"n": 1}) == {"n": 1}
    assert started.call({"n": 2}) == {"n": 2}


def test_what_is_printed_comes_out_of_output(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.call({"n": 1})
    text: list[bytes] = []
    bench.until(lambda: text.append(started.printed()) or b"".join(text))  # type: ignore[func-returns-value]
    assert b"\n" in b"".join(text)


def test_kill_ends_the_sandbox_and_ended_is_called_once(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.sandbox.kill()
    started.sandbox.kill()
    started.end()
    started.sandbox.kill()
    bench.loop.run_once(0.05)
    assert started.ends == [Exit(9, False, started.ends[0].memory_peak)]


def test_kill_is_legal_before_the_sandbox_is_ready(bench: Bench) -> None:
    started = bench.start()
    started.kill()
    assert len(started.ends) == 1


def test_an_identifier_belongs_to_one_sandbox_at_a_time(bench: Bench) -> None:
    # Given one that runs, and then one whose place is still there
    first = bench.start("same")
    with pytest.raises(OSError, match="has a sandbox already"):
        bench.start("same")
    first.kill()
    with pytest.raises(OSError, match="has a sandbox already"):
        bench.start("same")
    # When
    first.sandbox.discard()
    # Then
    again = bench.start("same")
    again.assign()


def test_a_node_that_hangs_up_ends_the_start(bench: Bench) -> None:
    started = bench.start()
    started.hang_up()
    started.end()


def test_close_ends_everything_and_nothing_starts_afterwards(bench: Bench) -> None:
    # Given some that run, and one that could run again
    sandboxes = [bench.start(f"e{n}") for n in range(3)]
    for started in sandboxes:
        started.assign()
    over = bench.start("over")
    over.kill()
    # When
    bench.sandboxes.close()
    # Then
    for started in sandboxes:
        started.end()
    with pytest.raises(OSError, match="stopping"):
        bench.start("late")
    with pytest.raises(OSError, match="stopping"):
        over.restart()


def test_gauges_read_memory_and_set_the_cpu_share(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    gauges = started.sandbox.gauges()
    for name, descriptor in gauges.descriptors.items():
        if name == "memory_peak":
            assert int(os.pread(descriptor, 32, 0)) > 0
        if name == "cpu_time":
            assert CpuTime(descriptor).taken_ms() > 0
        if name == "cpu_quota":
            os.pwrite(descriptor, gauges.texts["cpu_quota"].encode(), 0)
        os.close(descriptor)
    assert started.call({"n": 1}) == {"n": 1}


def test_one_that_ends_by_itself_tells_how(bench: Bench) -> None:
    if bench.sandboxes.name == "stub":
        pytest.skip("it does not end by itself")
    started = bench.start()
    started.assign()
    started.send_event({"do": "leave", "with": {"status": 3}})
    assert os.waitstatus_to_exitcode(started.end().status) == 3
