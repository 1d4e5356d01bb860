"""An idle environment stands still: nothing in it runs between two events."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.processes import assert_nobody_is_left, environments_of
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]

pytestmark = pytest.mark.root

TICKER = """
import threading, time
ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
def handler(event, context):
    time.sleep(event)
    return ticks
"""


@pytest.fixture
def server(start_server: Callable[..., LocalServer]) -> LocalServer:
    return start_server(freeze_after=20)


@pytest.fixture
def ticker(make_function: MakeFunction, server: LocalServer) -> DeployedFunction:
    return make_function(source=TICKER, on=server, MemorySize=1769)


def is_frozen(server: LocalServer) -> bool:
    """Whether the kernel says so of the one environment."""
    (process,) = environments_of(server)
    return all(_stands_still(each) for each in [process, *process.children(recursive=True)])


def _stands_still(process: psutil.Process) -> bool:
    for line in Path(f"/proc/{process.pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
            events = Path(root + path) / "cgroup.events"
            if controllers == "" and events.exists():
                return "frozen 1" in events.read_text()
    return process.status() == psutil.STATUS_STOPPED


def test_a_thread_makes_no_progress_while_its_environment_is_idle(
    server: LocalServer, ticker: DeployedFunction
) -> None:
    # Given
    before = ticker.call(0.05)
    wait_until(lambda: is_frozen(server), "it is frozen")
    # When a second passes, in which a thread that runs counts to hundreds
    time.sleep(1)
    # Then
    assert ticker.call(0) - before < 100
    # And it goes on where it stood, while there is an event
    assert ticker.call(0.3) - before > 100


def test_an_environment_that_is_handed_straight_on_is_not_frozen(
    server: LocalServer, make_function: MakeFunction, start_server: Callable[..., LocalServer]
) -> None:
    patient = start_server(freeze_after=60_000)
    function = make_function(source=TICKER, on=patient)
    function.call(0)
    function.call(0)
    assert not is_frozen(patient)


def test_a_frozen_environment_ends_when_its_function_is_deleted(
    server: LocalServer, ticker: DeployedFunction
) -> None:
    ticker.call(0)
    wait_until(lambda: is_frozen(server), "it is frozen")
    (process,) = environments_of(server)
    ticker.client.delete_function(FunctionName=ticker.name)
    wait_until(lambda: not process.is_running(), "it ends")


@pytest.mark.slow
@pytest.mark.parametrize("end", [LocalServer.stop, LocalServer.kill])
def test_frozen_environments_end_with_the_server(
    server: LocalServer,
    ticker: DeployedFunction,
    running_servers: list[LocalServer],
    end: Callable[[LocalServer], object],
) -> None:
    ticker.call(0)
    wait_until(lambda: is_frozen(server), "it is frozen")
    end(server)
    assert_nobody_is_left([each for each in running_servers if each is not server])


def test_a_process_that_the_function_started_is_frozen_too(
    server: LocalServer, make_function: MakeFunction
) -> None:
    source = """
import subprocess
def handler(event, context):
    if event:
        subprocess.Popen(["/bin/sh", "-c", "while :; do echo >> /tmp/count; done"])
        import time; time.sleep(0.1)
    import os
    return os.path.getsize("/tmp/count")
"""
    # Given
    function = make_function(source=source, on=server, MemorySize=1769)
    before = function.call(True)
    wait_until(lambda: is_frozen(server), "it is frozen")
    # When
    time.sleep(0.5)
    # Then what it has written since is what it wrote before it was frozen
    assert function.call(False) - before < 5 * before
