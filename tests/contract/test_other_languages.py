"""The sandbox contract, for programs of other languages: they run before it is known for whom."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from sandbox_bench import VARIABLES, Bench, Started, namespaces_held
from sandbox_kinds import on_namespaces, on_real_ones, on_roomy_ones

from lambdad.launcher.languages import nodejs

NODE = next(iter(nodejs.find()), None)
pytestmark = pytest.mark.skipif(NODE is None, reason="there is no Node.js on this machine")
ADDRESSES = {
    *("AWS_LAMBDA_RUNTIME_API", "AWS_ENDPOINT_URL", "AWS_XRAY_DAEMON_ADDRESS"),
    *("_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT"),
}


def start(
    bench: Bench, environment_id: str = "e1", ahead: dict[str, str] | None = None, **order: Any
) -> Started:
    """Start one and take what it hands over."""
    assert NODE is not None
    started = bench.start(environment_id, ahead or {}, runtime=NODE.name, **order)
    started.assign()
    return started


def expect_node(bench: Bench) -> None:
    """Let some wait, beside those of Python."""
    assert NODE is not None
    answers: list[str | None] = []
    bench.sandboxes.prepare(NODE.name, "000000000000", 256, answers.append)
    bench.until(lambda: answers)
    assert answers == [None]


def is_program(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return "bootstrap.cjs" in file.read()
    except OSError:
        return False


def programs(bench: Bench) -> dict[int, int]:
    return {uid: pid for uid, pid in bench.waiting().items() if is_program(pid)}


@on_real_ones
def test_it_learns_what_it_is_and_serves(bench: Bench) -> None:
    started = start(bench, ahead={"COLOUR": "blue"})
    assert started.call([1, "ü"]) == [1, "ü"]
    told = started.call({"do": "describe"})
    assert "COLOUR" in told["names"]
    assert "_LAMBDAD_WAITS" not in told["names"]


@on_namespaces
def test_it_has_the_variables_of_its_function_and_no_others(bench: Bench) -> None:
    started = start(bench, ahead={"COLOUR": "blue"})
    told = started.call({"do": "describe"})
    assert set(told["names"]) == {*VARIABLES, *ADDRESSES, "COLOUR"}
    assert (told["directory"], told["pid"]) == ("/var/task", 1)


@on_real_ones
def test_what_it_prints_comes_out(bench: Bench) -> None:
    started = start(bench)
    started.call("hello")
    assert b'got "hello"\n' in started.printed()


@on_namespaces
def test_it_finds_code_and_layers_though_it_was_there_before_them(bench: Bench) -> None:
    started = start(bench, layers="layers")
    assert started.call({"do": "read", "with": {"path": "/opt/shared.txt"}}) == "from a layer"


@on_real_ones
@pytest.mark.parametrize("way", ["pool", "fork", "spawn"])
def test_another_run_in_the_same_place_is_as_the_first(bench: Bench, way: str) -> None:
    started = start(bench, start=way)
    uid = started.call({"do": "describe"})["uid"]
    started.kill()
    started.restart({"COLOUR": "red"})
    started.assign()
    told = started.call({"do": "describe"})
    assert told["uid"] == uid
    assert "COLOUR" in told["names"]
    assert b"got" in started.printed()


@on_real_ones
def test_a_program_of_its_own_honours_what_is_read_when_one_starts(bench: Bench) -> None:
    started = start(bench, start="spawn", ahead={"NODE_OPTIONS": "--no-warnings"})
    assert started.call({"do": "describe"})["options"] == "--no-warnings"


@on_roomy_ones
def test_a_start_takes_one_that_waits(bench: Bench) -> None:
    expect_node(bench)
    bench.until(lambda: programs(bench))
    waiting = programs(bench)
    started = start(bench)
    uid = started.call({"do": "describe"})["uid"]
    assert bench.waiting()[uid] == waiting[uid]


@on_roomy_ones
def test_one_for_another_size_of_memory_is_not_taken(bench: Bench) -> None:
    expect_node(bench)
    bench.until(lambda: programs(bench))
    waiting = programs(bench)
    started = start(bench, memory_mb=512)
    assert started.call({"do": "describe"})["uid"] not in waiting


@on_roomy_ones
def test_one_that_dies_waiting_is_given_to_nobody(bench: Bench) -> None:
    # Given
    expect_node(bench)
    bench.until(lambda: programs(bench))
    held = namespaces_held()
    # When
    for pid in programs(bench).values():
        os.kill(pid, signal.SIGKILL)
    bench.until(lambda: namespaces_held() < held)
    # Then
    started = start(bench)
    assert started.call("served") == "served"


@on_namespaces
def test_it_has_no_descriptor_but_its_own(bench: Bench) -> None:
    """Standard input, output and error, what Node.js opens, the connection, and the directory."""
    started = start(bench)
    waited = started.call({"do": "descriptors"})
    other = start(bench, "e2", start="spawn")
    assert waited == other.call({"do": "descriptors"})
