"""The sandbox contract: an idle environment does nothing until it is let go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

import pytest
from sandbox_bench import Bench, Started
from sandbox_kinds import FREEZER, NAMESPACES, on_every_freezer

SOON = 10.0  # an hour of ticks is no quiet


class Gauge:
    """The freezer that the node itself sets."""

    def __init__(self, started: Started) -> None:
        gauges = started.sandbox.gauges()
        if "freezer" not in gauges.descriptors:
            for descriptor in gauges.descriptors.values():
                os.close(descriptor)
            pytest.skip("no cgroup can freeze on this machine")
        for name, descriptor in gauges.descriptors.items():
            if name != "freezer":
                os.close(descriptor)
        self._descriptor, self._texts = gauges.descriptors["freezer"], gauges.texts

    def set(self, text: str) -> None:
        os.pwrite(self._descriptor, self._texts[text].encode(), 0)

    def close(self) -> None:
        os.close(self._descriptor)


def begin(bench: Bench, action: str = "tick") -> Started:
    """One in which something goes on by itself."""
    started = bench.start()
    started.assign()
    started.call({"do": action})
    bench.until(lambda: b"tick" in started.printed())
    return started


def assert_frozen_and_thawed(
    bench: Bench, started: Started, freeze: Callable[[], None], thaw: Callable[[], None]
) -> None:
    freeze()
    bench.until(started.is_quiet, SOON)
    thaw()
    bench.until(lambda: b"tick" in started.printed(), SOON)
    assert started.call({"n": 1}) == {"n": 1}


@on_every_freezer
def test_a_background_thread_stops_until_it_is_thawed(bench: Bench) -> None:
    started = begin(bench)
    for _ in range(2):
        assert_frozen_and_thawed(bench, started, started.sandbox.freeze, started.sandbox.thaw)


@on_every_freezer
def test_a_process_that_the_function_started_stops_too(bench: Bench) -> None:
    started = begin(bench, "tick_below")
    assert_frozen_and_thawed(bench, started, started.sandbox.freeze, started.sandbox.thaw)


@pytest.mark.parametrize("bench", [NAMESPACES, FREEZER], indirect=True)
@pytest.mark.parametrize("action", ["tick", "tick_below"])
def test_the_gauge_stops_all_of_it(bench: Bench, action: str) -> None:
    started = begin(bench, action)
    gauge = Gauge(started)
    assert_frozen_and_thawed(
        bench, started, lambda: gauge.set("frozen"), lambda: gauge.set("thawed")
    )
    gauge.close()


def test_a_frozen_one_can_be_killed(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.call({"n": 1})
    started.sandbox.freeze()
    assert started.kill().status == signal.SIGKILL


def test_a_frozen_one_can_be_discarded(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.call({"n": 1})
    started.sandbox.freeze()
    started.sandbox.discard()
    assert started.end().status == signal.SIGKILL


@pytest.mark.parametrize("bench", [NAMESPACES, FREEZER], indirect=True)
def test_one_that_the_gauge_has_frozen_can_be_killed_and_runs_again(bench: Bench) -> None:
    # Given
    started = begin(bench)
    gauge = Gauge(started)
    gauge.set("frozen")
    # When
    assert started.kill().status == signal.SIGKILL
    started.restart()
    started.assign()
    # Then
    assert started.call({"n": 1}) == {"n": 1}
    gauge.close()


@pytest.mark.parametrize("bench", [NAMESPACES, FREEZER], indirect=True)
def test_one_that_died_while_the_gauge_had_frozen_it_runs_again(bench: Bench) -> None:
    """The kernel kills a frozen process too, when the machine has no memory left."""
    # Given
    started = begin(bench)
    gauge = Gauge(started)
    gauge.set("frozen")
    (pid,) = bench.waiting().values()
    os.kill(pid, signal.SIGKILL)
    if not bench.happens(lambda: started.has_ended, 2.0):
        pytest.skip("the freezer of this machine holds even the dead")
    # When
    started.restart()
    started.assign()
    # Then
    assert started.call({"n": 1}) == {"n": 1}
    gauge.close()


def test_thaw_is_legal_for_one_that_is_not_frozen(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.sandbox.thaw()
    started.sandbox.freeze()
    started.sandbox.freeze()
    started.sandbox.thaw()
    assert started.call({"n": 1}) == {"n": 1}
