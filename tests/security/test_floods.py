"""Taking as much as there is of something harms nobody else, and ends at a limit."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.functions import Answer, DeployedFunction
from support.ordinary_user import OrdinaryUsersServer
from support.probes import Probe
from support.processes import environments_of, node_of
from support.sandboxes import ON_ISOLATED
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [*ON_ISOLATED, pytest.mark.slow]

MB = 1 << 20
ANSWERS = 10  # so many of another function's, while a flood lasts
PATIENCE = 2.0  # seconds for each of them: the flood may have the CPU that it has paid for


@pytest.fixture
def flooding(make_function: MakeFunction) -> Probe:
    """Has all of a CPU, and two seconds."""
    return Probe(make_function("probe", MemorySize=1769, Timeout=2))


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    """Calls that go on beside the test."""
    with ThreadPoolExecutor() as executor:
        yield executor


def begin(
    server: LocalServer, flooding: Probe, executor: ThreadPoolExecutor, probe: str, **how: object
) -> Future[Answer]:
    """Start a flood, and wait until it has an environment."""
    before = set(environments_of(server))
    event = {"probe": probe, "arguments": how}
    future = executor.submit(flooding.function.invoke, event)
    wait_until(lambda: set(environments_of(server)) - before, "the flood begins")
    return future


def assert_answers(other: Probe) -> None:
    """It has its answers, from the environment that it has."""
    pid_namespace = other.ask("namespaces")["pid"]
    for _ in range(ANSWERS):
        began = time.monotonic()
        assert other.ask("namespaces")["pid"] == pid_namespace
        assert time.monotonic() - began < PATIENCE


def assert_timed_out(answer: Answer) -> None:
    """It has ended at its own time limit."""
    assert answer.error == "Unhandled", str(answer)
    assert "timed out" in answer.value["errorMessage"], str(answer)


@pytest.mark.parametrize(
    "how",
    [
        {"line": "x" * 1000 + "\n"},
        {"line": "\n"},
        {"line": "\n", "pipe": MB},
        {"line": "x" * 1000, "pipe": MB},
    ],
    ids=["lines", "empty lines", "empty lines in a large pipe", "one endless line"],
)
def test_a_flood_of_log_lines_fills_no_memory_and_stops_nobody(
    flooding: Probe,
    neighbour: Probe,
    server: LocalServer,
    background: ThreadPoolExecutor,
    how: dict[str, Any],
) -> None:
    # Given
    node = node_of(server)
    before = node.memory_info().rss
    # When
    flood = begin(server, flooding, background, "flood_log", **how)
    assert_answers(neighbour)
    most = before
    while not flood.done():
        most = max(most, node.memory_info().rss)
        neighbour.ask("identity")
    # Then
    assert_timed_out(flood.result())
    assert most - before < 300 * MB


@pytest.mark.parametrize("size", [40, 60_000], ids=["small", "large"])
def test_a_flood_of_datagrams_for_the_xray_daemon_stops_nobody(
    flooding: Probe,
    neighbour: Probe,
    server: LocalServer,
    background: ThreadPoolExecutor,
    size: int,
) -> None:
    # Given
    node = node_of(server)
    before, busy_before = node.memory_info().rss, sum(node.cpu_times()[:2])
    # When
    flood = begin(server, flooding, background, "flood_daemon", size=size)
    assert_answers(neighbour)
    most = before
    while not flood.done():
        most = max(most, node.memory_info().rss)
        neighbour.ask("identity")
    # Then
    assert_timed_out(flood.result())
    assert most - before < 100 * MB
    assert sum(node.cpu_times()[:2]) - busy_before < 1.5  # seconds, its neighbour's included


def test_descriptors_end_at_their_limit(flooding: Probe) -> None:
    found = flooding.ask("flood_descriptors")
    assert found == {"open": 1024, "errno": errno.EMFILE}


def test_files_in_tmp_end_at_their_limit(make_function: MakeFunction, neighbour: Probe) -> None:
    # When
    flooding = Probe(make_function("probe", MemorySize=3008, Timeout=60))
    found = flooding.ask("flood_inodes")
    # Then
    assert found["errno"] == errno.ENOSPC
    assert found["files"] <= 512 * 256
    # And others have room
    assert neighbour.ask("many_files", directory="/tmp/few", count=100) == 100


def test_directories_that_go_very_deep_are_removed_with_their_environment(
    flooding: Probe, neighbour: Probe
) -> None:
    assert flooding.ask("flood_directories") == 2000
    flooding.function.update_configuration(Description="another environment")
    assert flooding.ask("listing", path="/tmp") == []
    assert neighbour.ask("identity")["pid"] == 1


def test_processes_end_at_their_limit_and_others_are_answered(
    make_function: MakeFunction, neighbour: Probe
) -> None:
    # When
    flooding = Probe(make_function("probe", MemorySize=3008, Timeout=60))
    found = flooding.ask("flood_processes")
    # Then
    assert found["errno"] == errno.EAGAIN
    assert 900 < found["started"] < 1_024
    assert_answers(neighbour)


def test_a_bomb_of_forks_ends_at_the_functions_time_limit(
    make_function: MakeFunction,
    neighbour: Probe,
    server: LocalServer,
    background: ThreadPoolExecutor,
) -> None:
    if isinstance(server, OrdinaryUsersServer):
        pytest.skip("without cgroups nobody has a share of the CPU, which SECURITY.md says")
    # Given a share of a CPU as small as there is
    bomb = Probe(make_function("probe", MemorySize=128, Timeout=2))
    # When
    flood = begin(server, bomb, background, "bomb")
    assert_answers(neighbour)
    # Then it has ended, by its time limit or for memory
    answer = flood.result()
    assert answer.error == "Unhandled", str(answer)
    # And the function works again, when its small share of a CPU has sufficed to end a thousand
    # processes
    wait_until(lambda: bomb.function.invoke({"probe": "identity"}).error is None, "it works again")


def test_a_swarm_that_never_stands_still_keeps_nobody_from_starting(
    make_function: MakeFunction, neighbour: Probe
) -> None:
    # Given processes that are left behind, and go on while they are being stopped
    pid_namespace = neighbour.ask("namespaces")["pid"]
    flooding = Probe(make_function("probe", MemorySize=1769, Timeout=20))
    assert flooding.ask("swarm", count=3) == 3
    # Then
    for _ in range(3):
        assert make_function("echo").call({"a": 1}) == {"a": 1}
    assert neighbour.ask("namespaces")["pid"] == pid_namespace
    assert flooding.function.invoke({"probe": "crash"}).error
