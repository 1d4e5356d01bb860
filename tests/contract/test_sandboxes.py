"""The sandbox contract, on every kind of sandbox that there is."""

from __future__ import annotations

import json
import os
import select
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lambdad.launcher import cgroups, packets
from lambdad.launcher.contract import Exit, Order, Sandbox, Sandboxes
from lambdad.launcher.guarded import Guarded
from lambdad.launcher.interpreters import find_interpreters
from lambdad.launcher.loop import Loop
from lambdad.launcher.namespaces import Namespaces
from lambdad.launcher.process import Processes
from lambdad.launcher.runtime_trees import RuntimeTrees
from lambdad.launcher.slots import Slot
from lambdad.launcher.stub import Stub

ECHO = "def handler(event, context):\n    print('got', event)\n    return event\n"
PATIENCE = 30.0
RUNTIME = "python3.11"

Make = Callable[[Loop, Path], Sandboxes]


def make_stub(loop: Loop, directory: Path) -> Sandboxes:
    return Stub(loop)


def make_process(loop: Loop, directory: Path) -> Sandboxes:
    found = find_interpreters(readable_by_all=os.geteuid() == 0)
    if RUNTIME not in found:
        pytest.skip(f"no {RUNTIME} here can be run by an ordinary user")
    return Processes(
        loop=loop,
        user_ids=Slot(directory / "slots").user_ids() if os.geteuid() == 0 else None,
        interpreters=found,
        trees=RuntimeTrees(directory / "runtimes"),
        code_directory=directory / "code",
        temporary_directory=directory / "sandboxes",
    )


def make_namespaces(loop: Loop, directory: Path) -> Sandboxes:
    slot = Slot(Path("/run/lambdad"))
    return Namespaces(
        loop=loop,
        cgroups=cgroups.find_cgroups(str(slot.number)),
        user_ids=slot.user_ids(),
        interpreters=find_interpreters(),
        trees=RuntimeTrees(directory / "runtimes"),
        code_directory=directory / "code",
        root=directory / "root",
    )


@dataclass
class Bench:
    """A loop, the sandboxes under test, and what a node would hold."""

    loop: Loop
    sandboxes: Sandboxes
    started: list[Started] = field(default_factory=list)

    def close(self) -> None:
        self.sandboxes.close()
        self.until(lambda: all(started.ends for started in self.started))
        for started in self.started:
            started.close()
        self.loop.run_until_alone(PATIENCE)
        self.loop.run_once(0.05)
        self.loop.close()

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            self.loop.run_once(0.05)

    def prepare(self) -> None:
        answers: list[str | None] = []
        self.sandboxes.prepare(RUNTIME, "000000000000", answers.append)
        self.until(lambda: answers)
        assert answers == [None]

    def start(self, environment_id: str = "e1") -> Started:
        ours, theirs = packets.socket_pair()
        reading, writing = os.pipe()
        order = Order(environment_id, RUNTIME, "000000000000", "echo", 256, 64)
        ends: list[Exit] = []
        try:
            sandbox = self.sandboxes.start(order, theirs.fileno(), writing, ends.append)
        except OSError:
            ours.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        self.started.append(Started(self, sandbox, ours, reading, ends))
        return self.started[-1]


@dataclass
class Started:
    bench: Bench
    sandbox: Sandbox
    channel: socket.socket
    output: int
    ends: list[Exit]
    api: socket.socket | None = None

    def close(self) -> None:
        self.channel.close()
        os.close(self.output)
        if self.api is not None:
            self.api.close()

    def assign(self) -> None:
        """What the node does: take the listeners, send the assignment."""
        variables = {
            "_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": "/var/task", "TZ": ":UTC",
            "AWS_LAMBDA_FUNCTION_NAME": "echo", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_REGION": "us-east-1",
            "AWS_LAMBDA_LOG_GROUP_NAME": "g", "AWS_LAMBDA_LOG_STREAM_NAME": "s",
        }  # fmt: skip
        packets.send(self.channel, {"variables": variables})
        self.bench.until(lambda: select.select([self.channel], [], [], 0)[0])
        packet = packets.receive(self.channel)
        assert packet is not None
        message, descriptors = packet
        assert "failed" not in message, message
        runtime_api, endpoint, *memory = descriptors
        self.api = socket.socket(fileno=runtime_api)
        for descriptor in (endpoint, *memory):
            os.close(descriptor)

    def serve_one_event(self, event: bytes) -> bytes:
        """Be the Runtime API for one event, and return the function's answer."""
        assert self.api is not None
        self.bench.until(lambda: select.select([self.api], [], [], 0)[0])
        connection, _ = self.api.accept()
        with connection, connection.makefile("rb") as requests:
            assert requests.readline().startswith(b"GET /2018-06-01/runtime/invocation/next")
            _read_headers(requests)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Lambda-Runtime-Aws-Request-Id: r1\r\n"
                b"Lambda-Runtime-Deadline-Ms: 9999999999999\r\n"
                b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:"
                b"function:echo\r\nContent-Length: %d\r\n\r\n%s" % (len(event), event)
            )
            assert requests.readline().startswith(
                b"POST /2018-06-01/runtime/invocation/r1/response"
            )
            length = int(_read_headers(requests)[b"content-length"])
            return requests.read(length)

    def printed(self) -> bytes:
        os.set_blocking(self.output, False)
        try:
            return os.read(self.output, 65536)
        except BlockingIOError:
            return b""


def _read_headers(requests: object) -> dict[bytes, bytes]:
    headers = {}
    for line in iter(requests.readline, b"\r\n"):  # type: ignore[attr-defined]
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    return headers


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    """A directory that a `process` sandbox, which has a user id of its own, can pass through;
    pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="lambdad-") as name:
        top = Path(name)
        top.chmod(0o755)
        code = top / "code/echo"
        code.mkdir(parents=True)
        (code / "app.py").write_text(ECHO)
        yield top


@pytest.fixture(
    params=[
        pytest.param(make_stub, id="stub"),
        pytest.param(make_process, id="process", marks=pytest.mark.slow),
        pytest.param(make_namespaces, id="namespaces", marks=[pytest.mark.root, pytest.mark.slow]),
    ]
)
def bench(request: pytest.FixtureRequest, directory: Path) -> Iterator[Bench]:
    loop = Loop()
    made = Guarded(request.param(loop, directory))
    bench = Bench(loop, made)
    bench.prepare()
    yield bench
    bench.close()


def test_an_event_is_answered_through_the_handed_out_listener(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    assert json.loads(started.serve_one_event(b'{"n": 1}')) == {"n": 1}


def test_what_is_printed_comes_out_of_output(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.serve_one_event(b'{"n": 1}')
    text: list[bytes] = []
    bench.until(lambda: text.append(started.printed()) or b"".join(text))  # type: ignore[func-returns-value]
    assert b"\n" in b"".join(text)


def test_kill_ends_the_sandbox_and_ended_is_called_once(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    started.sandbox.kill()
    started.sandbox.kill()
    bench.until(lambda: started.ends)
    started.sandbox.kill()
    bench.loop.run_once(0.05)
    assert started.ends == [Exit(9, False, started.ends[0].memory_peak)]


def test_kill_is_legal_before_the_sandbox_is_ready(bench: Bench) -> None:
    started = bench.start()
    started.sandbox.kill()
    bench.until(lambda: started.ends)
    assert len(started.ends) == 1


def test_an_identifier_belongs_to_one_sandbox_at_a_time(bench: Bench) -> None:
    first = bench.start("same")
    with pytest.raises(OSError, match="has a sandbox already"):
        bench.start("same")
    first.sandbox.kill()
    bench.until(lambda: first.ends)
    again = bench.start("same")
    again.assign()


def test_a_node_that_hangs_up_ends_the_start(bench: Bench) -> None:
    started = bench.start()
    started.channel.close()
    bench.until(lambda: started.ends)


def test_close_ends_everything_and_nothing_starts_afterwards(bench: Bench) -> None:
    sandboxes = [bench.start(f"e{n}") for n in range(3)]
    for started in sandboxes:
        started.assign()
    bench.sandboxes.close()
    bench.until(lambda: all(started.ends for started in sandboxes))
    with pytest.raises(OSError, match="stopping"):
        bench.start("late")


def test_gauges_read_memory_and_set_the_cpu_share(bench: Bench) -> None:
    started = bench.start()
    started.assign()
    gauges = started.sandbox.gauges()
    for name, descriptor in gauges.descriptors.items():
        if name == "memory_peak":
            assert int(os.pread(descriptor, 32, 0)) > 0
        if name == "cpu_quota":
            os.pwrite(descriptor, gauges.cpu_quota.encode(), 0)
        os.close(descriptor)
