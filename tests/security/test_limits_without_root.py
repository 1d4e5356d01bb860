"""Where an ordinary user runs the server and may make no cgroups, limits are softer: what holds
instead of those of `test_limits`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdad.testing.server import LocalServer
from support.functions import Answer, DeployedFunction
from support.probes import Probe
from support.sandboxes import ON_ROOTLESS

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [*ON_ROOTLESS, pytest.mark.slow]

# Memory that no limit on the data of a process counts: shared, by one process or by several.
SHARED = """
import mmap, os, time
def hold(mb):
    block = mmap.mmap(-1, mb << 20)
    for offset in range(0, len(block), 4096): block[offset] = 1
    time.sleep(30)
def handler(event, context):
    for _ in range(event["children"]):
        if os.fork() == 0: hold(event["mb"])
    hold(event["mb"])
"""


@pytest.fixture(autouse=True)
def _without_cgroups(probe: Probe) -> None:
    """Where a system delegates its cgroups to this user, the limits are root's."""
    limits = probe.ask("limits")
    if limits["RLIMIT_DATA"] == limits["RLIMIT_AS"]:  # neither is limited
        pytest.skip("this user has cgroups")


def test_a_process_that_asks_for_more_memory_gets_an_error(make_function: MakeFunction) -> None:
    # When
    function = make_function("oom", MemorySize=128)
    answer = function.invoke({"mb": 400})
    # Then it is an exception, which a function may catch
    assert (answer.error, answer.value["errorType"]) == ("Unhandled", "MemoryError")
    assert function.call({"mb": 10}) == {"allocated_mb": 10}


def test_a_child_that_asks_for_more_memory_gets_an_error(make_function: MakeFunction) -> None:
    found = make_function("oom", MemorySize=128).call({"mb": 400, "in_child": True})
    assert found == {"status": 1}


@pytest.mark.parametrize(("children", "mb"), [(0, 400), (3, 100)])
def test_shared_memory_beyond_the_limit_ends_the_environment(
    make_function: MakeFunction, children: int, mb: int
) -> None:
    # When
    function = make_function(source=SHARED, MemorySize=128, Timeout=30)
    answer = function.invoke({"children": children, "mb": mb})
    # Then
    assert_killed_for_memory(answer)
    assert duration_ms(answer) < 5_000


def test_one_functions_hunger_does_not_harm_another(
    make_function: MakeFunction, probe: Probe
) -> None:
    pid_namespace = probe.ask("namespaces")["pid"]
    function = make_function(source=SHARED, MemorySize=128, Timeout=30)
    assert_killed_for_memory(function.invoke({"children": 0, "mb": 400}))
    assert probe.ask("namespaces")["pid"] == pid_namespace


@pytest.mark.parametrize("mb", [0, 300], ids=["until it is idle", "until its memory is looked at"])
def test_a_chain_of_a_thousand_processes_ends_nobody_else(
    make_function: MakeFunction, neighbour: Probe, server: LocalServer, mb: int
) -> None:
    # Given
    pid_namespace = neighbour.ask("namespaces")["pid"]
    chain = make_function("probe", MemorySize=256, Timeout=30)
    # When: so deep that nobody should follow it step by step
    answer = chain.invoke({"probe": "chain_processes", "arguments": {"mb": mb}})
    # Then
    if mb:
        assert_killed_for_memory(answer)
    else:
        assert answer.value["value"] >= 1000
    assert chain.call({"probe": "identity"})["value"]["pid"] == 1
    assert neighbour.ask("namespaces")["pid"] == pid_namespace
    assert server.is_running


def assert_killed_for_memory(answer: Answer) -> None:
    """As where the kernel does it."""
    assert answer.error == "Unhandled", str(answer)
    assert answer.value["errorType"] == "Runtime.ExitError", str(answer)
    assert answer.report["Error Type"] == "Runtime.OutOfMemory", str(answer)


def duration_ms(answer: Answer) -> float:
    """How long the invocation took, as the log tells."""
    return float(answer.report["Duration"].split()[0])
