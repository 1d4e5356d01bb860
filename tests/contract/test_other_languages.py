"""The sandbox contract, for programs of other languages: they run before it is known for whom.
Those of Node.js are started, and those of Ruby are forked from a Ruby that is warm."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from typing import Any

import pytest
from sandbox_bench import VARIABLES, Bench, Started, namespace_of, namespaces_held
from sandbox_kinds import on_namespaces, on_real_ones, on_roomy_ones

from lambdad.launcher.breeds import ENVIRONMENT
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import nodejs, ruby

ADDRESSES = {
    *("AWS_LAMBDA_RUNTIME_API", "AWS_ENDPOINT_URL", "AWS_XRAY_DAEMON_ADDRESS"),
    *("_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT"),
}
# A node says where libraries are; without that, a Ruby would be started anew.
LIBRARIES = {"LD_LIBRARY_PATH": ENVIRONMENT["LD_LIBRARY_PATH"]}


@dataclass(frozen=True)
class Guest:
    """A language: its interpreters here, the program of a sandbox, a variable that is read when the
    interpreter starts, with a value, and those that the runtime sets."""

    interpreters: list[Interpreter]
    program: str
    variable: str
    value: str
    own: frozenset[str] = frozenset()

    @property
    def runtime(self) -> str:
        return self.interpreters[-1].name


NODE = Guest(nodejs.find(), "bootstrap.cjs", "NODE_OPTIONS", "--no-warnings")
RUBY = Guest(ruby.find(), "bootstrap.rb", "RUBYOPT", "-W0", frozenset({"RUBYLIB", "GEM_PATH"}))


@pytest.fixture(params=[NODE, RUBY], ids=["nodejs", "ruby"])
def guest(request: pytest.FixtureRequest) -> Guest:
    guest: Guest = request.param
    if not guest.interpreters:
        pytest.skip("this language is not on this machine")
    return guest


def start(
    bench: Bench,
    guest: Guest,
    environment_id: str = "e1",
    ahead: dict[str, str] | None = None,
    **order: Any,
) -> Started:
    """Start one and take what it hands over."""
    ahead = {**LIBRARIES, **(ahead or {})}
    started = bench.start(environment_id, ahead, runtime=guest.runtime, **order)
    started.assign()
    return started


def expect(bench: Bench, guest: Guest) -> None:
    """Let some wait, beside those of Python."""
    answers: list[str | None] = []
    bench.sandboxes.prepare(guest.runtime, "000000000000", 256, answers.append)
    bench.until(lambda: answers)
    assert answers == [None]
    bench.until(
        lambda: programs(bench, guest) and len(namespaces_held()) == len(bench.waiting())
    )  # and nobody is on the way


def is_program(pid: int, guest: Guest) -> bool:
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return guest.program in file.read()
    except OSError:
        return False


def programs(bench: Bench, guest: Guest) -> dict[int, int]:
    return {uid: pid for uid, pid in bench.waiting().items() if is_program(pid, guest)}


@on_real_ones
def test_it_learns_what_it_is_and_serves(bench: Bench, guest: Guest) -> None:
    started = start(bench, guest, ahead={"COLOUR": "blue"})
    assert started.call([1, "ü"]) == [1, "ü"]
    told = started.call({"do": "describe"})
    assert "COLOUR" in told["names"]
    assert "_LAMBDAD_WAITS" not in told["names"]


@on_namespaces
def test_it_has_the_variables_of_its_function_and_no_others(bench: Bench, guest: Guest) -> None:
    started = start(bench, guest, ahead={"COLOUR": "blue"})
    told = started.call({"do": "describe"})
    assert set(told["names"]) - guest.own == {*VARIABLES, *ADDRESSES, *LIBRARIES, "COLOUR"}
    assert (told["directory"], told["pid"]) == ("/var/task", 1)


@on_real_ones
def test_what_it_prints_comes_out(bench: Bench, guest: Guest) -> None:
    started = start(bench, guest)
    started.call("hello")
    assert b'got "hello"\n' in started.printed()


@on_namespaces
def test_it_finds_code_and_layers_though_it_was_there_before_them(
    bench: Bench, guest: Guest
) -> None:
    started = start(bench, guest, layers="layers")
    assert started.call({"do": "read", "with": {"path": "/opt/shared.txt"}}) == "from a layer"


@on_real_ones
@pytest.mark.parametrize("way", ["pool", "fork", "spawn"])
def test_another_run_in_the_same_place_is_as_the_first(
    bench: Bench, guest: Guest, way: str
) -> None:
    started = start(bench, guest, start=way)
    uid = started.call({"do": "describe"})["uid"]
    started.kill()
    started.restart({"COLOUR": "red"})
    started.assign()
    told = started.call({"do": "describe"})
    assert told["uid"] == uid
    assert "COLOUR" in told["names"]
    assert b"got" in started.printed()


@on_real_ones
def test_a_program_of_its_own_honours_what_is_read_when_one_starts(
    bench: Bench, guest: Guest
) -> None:
    ahead = {guest.variable: guest.value}
    started = start(bench, guest, start="spawn", ahead=ahead)
    assert started.call({"do": "describe"})["options"] == guest.value


@on_roomy_ones
def test_a_start_takes_one_that_waits(bench: Bench, guest: Guest) -> None:
    expect(bench, guest)
    waiting = programs(bench, guest)
    started = start(bench, guest)
    uid = started.call({"do": "describe"})["uid"]
    assert bench.waiting()[uid] == waiting[uid]


@on_roomy_ones
def test_one_whose_heap_has_another_size_is_not_taken(bench: Bench, guest: Guest) -> None:
    expect(bench, guest)
    waiting = programs(bench, guest)
    started = start(bench, guest, memory_mb=512)
    assert (started.call({"do": "describe"})["uid"] in waiting) == (guest is RUBY)


@on_roomy_ones
def test_one_that_dies_waiting_is_given_to_nobody(bench: Bench, guest: Guest) -> None:
    # Given
    expect(bench, guest)
    waiting = list(programs(bench, guest).values())
    theirs = {namespace_of(pid) for pid in waiting}
    # When
    for pid in waiting:
        os.kill(pid, signal.SIGKILL)
    bench.until(lambda: theirs.isdisjoint(namespaces_held()))  # it is known of all of them
    # Then
    started = start(bench, guest)
    assert started.call("served") == "served"


@on_namespaces
@pytest.mark.parametrize("action", ["tick", "tick_below"])
def test_what_it_left_running_stops_until_it_is_thawed(
    bench: Bench, guest: Guest, action: str
) -> None:
    started = start(bench, guest)
    started.call({"do": action})
    bench.until(lambda: b"tick" in started.printed())
    started.sandbox.freeze()
    bench.until(started.is_quiet)
    started.sandbox.thaw()
    bench.until(lambda: b"tick" in started.printed())
    assert started.call("served") == "served"


@on_namespaces
def test_it_has_no_descriptor_but_its_own(bench: Bench, guest: Guest) -> None:
    """Standard input, output and error, what the interpreter opens, the connection, and the
    directory."""
    started = start(bench, guest)
    waited = started.call({"do": "descriptors"})
    other = start(bench, guest, "e2", start="spawn")
    assert waited == other.call({"do": "descriptors"})


# Of /proc/self/status: what a process inherits or has been denied, and no figure of its own.
INHERITED = re.compile(r"(?:Umask|Groups|Sig(?:Blk|Ign|Cgt)|Cap|NoNew|Seccomp|Threads).*")


@on_namespaces
def test_its_signals_privileges_and_limits_are_those_of_a_program_of_its_own(
    bench: Bench, guest: Guest
) -> None:
    told: list[tuple[list[str], str]] = []
    for number, way in enumerate(("pool", "spawn"), 1):
        started = start(bench, guest, f"e{number}", start=way)
        status, limits = (
            started.call({"do": "read", "with": {"path": f"/proc/self/{name}"}})
            for name in ("status", "limits")
        )
        told.append((INHERITED.findall(status), limits))
    assert told[0] == told[1]
    assert len(told[0][0]) > 10
