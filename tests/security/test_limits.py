"""A function gets what it was promised of memory, processes, files and CPU, and no more."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from lambdad.testing.server import LocalServer
from support.functions import Answer, DeployedFunction
from support.probes import Probe
from support.processes import environments_of
from support.sandboxes import on_isolated
from support.waiting import wait_until

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


def assert_out_of_memory(answer: Answer) -> None:
    """The body says that it was killed, the REPORT line why."""
    assert answer.error == "Unhandled", str(answer)
    assert answer.value == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: "
        "Runtime exited with error: signal: killed",
    }, str(answer)
    assert answer.report["Status"] == "error"
    assert answer.report["Error Type"] == "Runtime.OutOfMemory"


@on_isolated
def test_a_function_may_use_the_memory_it_has(make_function: MakeFunction) -> None:
    answer = make_function("oom", MemorySize=256).invoke({"mb": 200})
    assert answer.value == {"allocated_mb": 200}
    assert int(answer.report["Max Memory Used"].split()[0]) <= 256


@pytest.mark.root
def test_the_most_memory_that_was_used_is_told(make_function: MakeFunction) -> None:
    answer = make_function("oom", MemorySize=256).invoke({"mb": 200})
    assert 200 <= int(answer.report["Max Memory Used"].split()[0]) <= 256


@pytest.mark.root
def test_a_function_that_uses_more_memory_is_killed(make_function: MakeFunction) -> None:
    # When
    function = make_function("oom", MemorySize=128)
    answer = function.invoke({"mb": 400})
    # Then
    assert_out_of_memory(answer)
    assert answer.report["Max Memory Used"] == "128 MB"
    # And the next invocation works: the environment has been reset
    after = function.invoke({"mb": 10})
    assert (after.value, after.is_cold) == ({"allocated_mb": 10}, False)
    assert int(after.report["Max Memory Used"].split()[0]) < 128


@pytest.mark.root
def test_files_in_tmp_are_no_memory_and_deleted_ones_are_not_remembered(
    make_function: MakeFunction,
) -> None:
    source = """
import os
def handler(event, context):
    with open("/tmp/file", "wb") as file:
        for _ in range(150):
            file.write(bytes(1 << 20))
    os.remove("/tmp/file")
"""
    function = make_function(source=source, MemorySize=128, Timeout=30)
    for answer in (function.invoke(), function.invoke()):
        assert answer.error is None, str(answer)
        assert int(answer.report["Max Memory Used"].split()[0]) < 128


@pytest.mark.root
def test_out_of_memory_in_init_is_told_as_well(make_function: MakeFunction) -> None:
    source = "block = b'x' * (400 << 20)\ndef handler(e, c): pass"
    answer = make_function(source=source, MemorySize=128).invoke()
    assert_out_of_memory(answer)


@pytest.mark.root
def test_a_child_that_uses_more_memory_ends_the_whole_environment(
    make_function: MakeFunction,
) -> None:
    answer = make_function("oom", MemorySize=128).invoke({"mb": 400, "in_child": True})
    assert_out_of_memory(answer)


@pytest.mark.root
def test_one_functions_hunger_does_not_harm_another(
    make_function: MakeFunction, probe: Probe
) -> None:
    pid = probe.ask("identity")["pid"]
    assert_out_of_memory(make_function("oom", MemorySize=128).invoke({"mb": 600}))
    assert probe.ask("identity")["pid"] == pid


@on_isolated
def test_processes_are_limited_and_the_host_is_unharmed(make_function: MakeFunction) -> None:
    # Given
    function = make_function("spawn", MemorySize=3008, Timeout=60)
    # When
    found = function.call({"processes": 1_100})
    # Then
    assert found["errno"] == errno.EAGAIN
    assert 900 <= found["started"] < 1_024
    assert function.call({"processes": 5})["started"] == 5


@on_isolated
def test_processes_that_a_function_leaves_end_with_its_environment(
    make_function: MakeFunction, server: LocalServer
) -> None:
    # Given
    function = make_function("spawn")
    before = set(environments_of(server))
    assert function.call({"processes": 5, "leave": True})["started"] == 5
    (ours,) = set(environments_of(server)) - before
    children = ours.children(recursive=True)
    assert len(children) == 5
    # When
    function.client.delete_function(FunctionName=function.name)
    # Then
    wait_until(
        lambda: not any(process.is_running() for process in (ours, *children)),
        "all of them end",
    )


@on_isolated
def test_orphans_inside_an_environment_are_reaped(make_function: MakeFunction) -> None:
    function = make_function("spawn")
    function.call({"processes": 5, "orphan": True, "seconds": 0})
    wait_until(lambda: function.call({"processes": 0})["zombies"] == 0, "no zombie is left")


@on_isolated
def test_open_files_are_limited_as_on_aws(probe: Probe) -> None:
    assert probe.ask("limits")["RLIMIT_NOFILE"] == [1024, 1024]
    # Python says ValueError, which has no errno
    assert probe.errno_of("raise_limit", name="RLIMIT_NOFILE", value=4096) is None
    assert probe.ask("limits")["RLIMIT_NOFILE"] == [1024, 1024]


@on_isolated
def test_no_core_is_dumped(probe: Probe) -> None:
    assert probe.ask("limits")["RLIMIT_CORE"] == [0, 0]


@pytest.mark.root
def test_cpu_follows_from_memory(make_function: MakeFunction) -> None:
    # Given a function that burns CPU for a while
    source = """
import time
def handler(event, context):
    began, cpu = time.monotonic(), time.process_time()
    while time.monotonic() - began < 0.6: pass
    return (time.process_time() - cpu) / (time.monotonic() - began)
"""
    # Then 128 MB of 1769 are 7 % of a CPU
    assert make_function(source=source, MemorySize=128).call() < 0.2


@pytest.mark.root
def test_init_is_not_throttled(make_function: MakeFunction) -> None:
    source = """
import time
began, cpu = time.monotonic(), time.process_time()
while time.process_time() - cpu < 0.15: pass
SECONDS = time.monotonic() - began
def handler(event, context): return SECONDS
"""
    # At 7 % of a CPU it would take more than two seconds
    assert make_function(source=source, MemorySize=128).call() < 1.5
