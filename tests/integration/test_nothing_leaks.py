"""Five hundred environments of every fate, and afterwards the machine is as it was before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdad.launcher.pool import WAITING_MB
from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.holdings import holdings_of
from support.processes import environments_of, sandboxes_of
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]

pytestmark = [pytest.mark.root, pytest.mark.slow]

FATES = {
    "finish": None,
    "raise": "Unhandled",
    "exit": "Unhandled",
    "hang": "Unhandled",
    "memory": "Unhandled",
    "orphan": None,
}
AT_ONCE = 12  # environments of each function
ROUNDS = 7


@pytest.fixture
def server(start_server: Callable[..., LocalServer]) -> LocalServer:
    """A server of its own, so that nobody else's environments are counted."""
    return start_server(idle_timeout=600, pool_memory=4 * WAITING_MB)


@pytest.fixture
def functions(make_function: MakeFunction, server: LocalServer) -> dict[str, DeployedFunction]:
    timeouts = dict.fromkeys(FATES, 30) | {"hang": 1}
    return {
        fate: make_function("any_fate", on=server, Timeout=timeout, MemorySize=256)
        for fate, timeout in timeouts.items()
    }


def test_nothing_is_left_of_five_hundred_environments(
    server: LocalServer, functions: dict[str, DeployedFunction]
) -> None:
    # Given a server that has done all of it once
    made = run_all(functions, at_once=1)
    quiet_down(server, functions)
    before = holdings_of(server)
    # When
    for _ in range(ROUNDS):
        made += run_all(functions, at_once=AT_ONCE)
        quiet_down(server, functions)
    # Then
    assert made >= 500
    wait_until(lambda: holdings_of(server) == before or More(server), f"it holds {before}")


class More(dict[str, int]):
    """What the server holds, which is not what it should; untrue, and shown in the message."""

    def __init__(self, server: LocalServer) -> None:
        super().__init__(holdings_of(server))

    def __bool__(self) -> bool:
        return False


def run_all(functions: dict[str, DeployedFunction], *, at_once: int) -> int:
    """Let every function end as it does in environments of its own; returns how many there were."""
    with ThreadPoolExecutor(len(functions) * at_once) as threads:
        streams = [
            stream
            for found in threads.map(lambda each: run(*each, threads, at_once), functions.items())
            for stream in found
        ]
    return len(set(streams))


def run(
    fate: str, function: DeployedFunction, threads: ThreadPoolExecutor, at_once: int
) -> Iterator[str]:
    """The log streams, and so the environments, that it took."""
    before = streams_of(function)
    # Those that end by themselves wait a little, so that each needs an environment of its own
    event = {"fate": fate, "seconds": 0.3}
    with ThreadPoolExecutor(at_once) as own_threads:
        for answer in own_threads.map(lambda _: function.invoke(event), range(at_once)):
            assert answer.error == FATES[fate], str(answer)
    return iter(streams_of(function) - before)


def streams_of(function: DeployedFunction) -> set[str]:
    try:
        pages = function.logs.get_paginator("describe_log_streams").paginate(
            logGroupName=function.log_group
        )
        return {stream["logStreamName"] for page in pages for stream in page["logStreams"]}
    except function.logs.exceptions.ResourceNotFoundException:
        return set()


def quiet_down(server: LocalServer, functions: dict[str, DeployedFunction]) -> None:
    """Evict every environment, and wait until the pool is full again."""
    for number, function in enumerate(functions.values()):
        function.update_configuration(Description=f"changed {number}")
        function.client.close()  # a connection that is kept alive is a descriptor
        function.logs.close()
    wait_until(lambda: not environments_of(server), "no environment is left")
    wait_until(lambda: len(sandboxes_of(server)) == 4, "the pool is full")
