"""A server under pressure: a thousand environments at once, the limits, and what gives way.

Two thousand at once are measured by `make bench`, in `benchmarks/bench_sleepers.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from lambdad.testing.server import LocalServer
from support.crowd import Crowd
from support.functions import DeployedFunction
from support.holdings import descriptors_of, holdings_of
from support.processes import environments_of, node_of, sandboxes_of
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]

pytestmark = [pytest.mark.root, pytest.mark.slow]

AT_ONCE = 1_000
DESCRIPTORS = 10  # that an idle environment may cost launcher and node together
PLENTY_MB = 1_000_000

SLEEPER = """
import time
def handler(event, context):
    time.sleep(event)
    return event
"""

HOLDER = """
import time
BALLAST = b"x" * (40 << 20)
def handler(event, context):
    time.sleep(event)
"""

StartServer = Callable[..., LocalServer]


def start(start_server: StartServer, **settings: int) -> LocalServer:
    """A server that makes nothing ahead, so that nothing but environments is counted."""
    return start_server(pool_memory=0, idle_timeout=600, **settings)


def leave_alone(server: LocalServer, function: DeployedFunction) -> None:
    """Have its environments end, and close the connections of its clients."""
    function.update_configuration(Description="changed")
    function.client.close()
    function.logs.close()
    wait_until(lambda: not sandboxes_of(server), "nothing runs")


def test_a_thousand_run_at_once_and_nothing_is_left_of_them(
    start_server: StartServer, make_function: MakeFunction
) -> None:
    # Given a server that has started one
    server = start(start_server, concurrency=AT_ONCE, idle_memory=PLENTY_MB)
    function = make_function(source=SLEEPER, on=server, MemorySize=128, Timeout=60)
    function.call(0)
    leave_alone(server, function)
    before = holdings_of(server)
    # When
    answers = Crowd(server).invoke(function, [1] * AT_ONCE)
    # Then each has had an environment of its own
    assert Counter((each.status, each.is_good) for each in answers) == {(200, True): AT_ONCE}
    assert len(environments_of(server)) == AT_ONCE
    # And when they are gone
    leave_alone(server, function)
    wait_until(lambda: holdings_of(server) == before or More(server), f"it holds {before}")


class More(dict[str, int]):
    """What the server holds, which is not what it should; untrue, and shown in the message."""

    def __init__(self, server: LocalServer) -> None:
        super().__init__(holdings_of(server))

    def __bool__(self) -> bool:
        return False


def test_what_is_too_much_at_once_is_throttled_in_awss_words(
    start_server: StartServer, make_function: MakeFunction
) -> None:
    # Given
    server = start(start_server, concurrency=20)
    function = make_function(source=SLEEPER, on=server, MemorySize=128, Timeout=60)
    crowd = Crowd(server)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(crowd.invoke, function, [3] * 20)
        wait_until(lambda: function.starts() == 20, "all that may run do")
        # When
        refused = crowd.invoke(function, [0] * 30)
        # Then
        assert all(each.is_good for each in running.result())
    assert {each.status for each in refused} == {429}
    assert {each.headers["x-amzn-errortype"] for each in refused} == {"TooManyRequestsException"}
    assert {each.headers["retry-after"] for each in refused} == {"1"}
    assert {each.value["Reason"] for each in refused} == {"ConcurrentInvocationLimitExceeded"}
    # And afterwards there is room again, in the environments that are there
    assert all(each.is_good for each in crowd.invoke(function, [0.1] * 20))
    assert len(environments_of(server)) == 20


def test_an_idle_environment_costs_ten_descriptors_at_most(
    start_server: StartServer, make_function: MakeFunction
) -> None:
    # Given
    server = start(start_server)
    function = make_function(source=SLEEPER, on=server)
    function.call(0)
    count = 20
    before = descriptors(server)
    # When
    answers = Crowd(server).invoke(function, [1] * (1 + count))
    assert all(each.is_good for each in answers)
    assert len(environments_of(server)) == 1 + count
    # Then
    limit = before + DESCRIPTORS * count
    wait_until(lambda: descriptors(server) <= limit, f"it has {limit} descriptors at most")


def descriptors(server: LocalServer) -> int:
    """What launcher and node have open."""
    return descriptors_of(server.pid) + descriptors_of(node_of(server).pid)


def test_the_longest_idle_end_when_memory_is_short_and_a_running_one_never(
    start_server: StartServer, make_function: MakeFunction
) -> None:
    # Given room for two that are idle, and one that runs, which started before all others
    server = start(start_server, idle_memory=110)
    functions = [make_function(source=HOLDER, on=server, MemorySize=256) for _ in range(4)]
    running, *idle = functions
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(running.invoke, 3)
        wait_until(running.starts, "the first one runs")
        (busy,) = environments_of(server)
        # When three become idle, one after the other
        first, second, third = (environment_of(each, server) for each in idle)
        # Then
        wait_until(lambda: not first.is_running(), "the longest idle ends")
        assert set(environments_of(server)) == {busy, second, third}
        assert answer.result().error is None
    # And when the one that ran is idle too, the next goes
    wait_until(lambda: not second.is_running(), "the longest idle ends")
    assert set(environments_of(server)) == {busy, third}


def environment_of(function: DeployedFunction, server: LocalServer) -> psutil.Process:
    """The process of the environment that it starts."""
    before = set(environments_of(server))
    function.call(0)
    (process,) = set(environments_of(server)) - before
    return process


def test_there_may_be_two_connections_for_everything_that_may_run(
    start_server: StartServer,
) -> None:
    # Given
    server = start(start_server, concurrency=600)
    # When
    answers = Crowd(server).look("/_lambdad/health", 1_200)
    # Then
    assert {each.status for each in answers} == {200}
    # And more than that are refused
    with pytest.raises((OSError, EOFError)):
        Crowd(server).look("/_lambdad/health", 1_300)
