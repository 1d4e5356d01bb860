"""The surroundings of an execution environment: a launcher whose sandboxes the test plays."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lambdad.clock import SystemClock
from lambdad.environment.environment import ExecutionEnvironment, Place
from lambdad.environment.launcher_client import Gauges
from lambdad.environment.sandbox import Surroundings
from lambdad.launcher import entering, packets
from lambdad.launcher.contract import Order
from lambdad.launcher.messages import Exited
from lambdad.model.function import Code, FunctionVersion, Status
from lambdad.model.invocation import Invocation
from lambdad.model.log_line import LogLine
from lambdad.model.runtime import Interpreter

INTERPRETER = Interpreter("python3.12", "3.12.1", "/usr/bin/python3.12")
INVOCATION = Invocation("r1", b'{"n": 1}', "arn:aws:lambda:eu-west-1:1:function:f", "Root=1")
PATIENCE = 5.0
PREFIX = "/2018-06-01/runtime"


def make_version(**changes: Any) -> FunctionVersion:
    members: dict[str, Any] = {
        "account_id": "123456789012",
        "region": "eu-west-1",
        "name": "f",
        "version": "$LATEST",
        "runtime": "python3.12",
        "handler": "app.handler",
        "role": "arn:aws:iam::123456789012:role/r",
        "code": Code("ab" * 32, 100),
        "revision_id": "revision",
        "last_modified": 0.0,
        "state": Status("Active"),
    }
    return FunctionVersion(**{**members, **changes})


async def happens(condition: Callable[[], object]) -> None:
    """Let the loop run until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
            await asyncio.sleep(0)


@dataclass
class PlayedSandbox:
    """A started sandbox: what the process inside would do, the test does."""

    order: Order
    exited: Callable[[Exited], None]
    output: int
    variables: dict[str, str] = field(default_factory=dict)
    has_ended: bool = False
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(
        self, method: str, path: str, body: bytes = b"", headers: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """One call of the Runtime API; the connection is kept."""
        if self._streams is None:
            host, port = self.variables["AWS_LAMBDA_RUNTIME_API"].split(":")
            self._streams = await asyncio.open_connection(host, int(port))
        reader, writer = self._streams
        head = f"{method} {PREFIX}{path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        writer.write(head.encode() + body)
        status = int((await reader.readline()).split()[1])
        answered: dict[str, str] = {}
        while line := (await reader.readline()).strip().decode():
            name, _, value = line.partition(":")
            answered[name.lower()] = value.strip()
        return status, answered, await reader.readexactly(int(answered["content-length"]))

    async def next(self) -> bytes:
        """The next event."""
        status, _, body = await self.call("GET", "/invocation/next")
        assert status == 200
        return body

    async def respond(self, request_id: str = "r1", body: bytes = b'"ok"') -> int:
        """Answer an event."""
        status, _, _ = await self.call("POST", f"/invocation/{request_id}/response", body)
        return status

    def print(self, text: bytes) -> None:
        os.write(self.output, text)

    def exit(self, status: int = 0, *, out_of_memory: bool = False) -> None:
        """The launcher tells that its last process has ended."""
        if not self.has_ended:
            self.has_ended = True
            if self._streams:
                self._streams[1].close()
            os.close(self.output)
            self.exited(Exited(self.order.environment_id, status, out_of_memory, 5 << 20))


Play = Callable[[PlayedSandbox], Any]


class PlayedLauncher:
    """Starts sandboxes that live as `play` says; `stop` is SIGKILL, at once."""

    def __init__(self) -> None:
        self.play: Play = serve_forever
        self.failure: Exception | None = None
        self.failed_step = ""  # what a sandbox says that cannot be made
        self.gauges = Gauges()
        self.sandboxes: list[PlayedSandbox] = []
        self._tasks: list[asyncio.Task[Any]] = []

    async def start(
        self, order: Order, channel: int, output: int, exited: Callable[[Exited], None]
    ) -> Gauges:
        if self.failure is not None:
            raise self.failure
        sandbox = PlayedSandbox(order, exited, os.dup(output))
        self.sandboxes.append(sandbox)
        with packets.from_descriptor(os.dup(channel)) as ours:
            if self.failed_step:
                packets.send(ours, {"failed": self.failed_step})
                asyncio.get_running_loop().call_soon(sandbox.exit, 256)
                return self.gauges
            sandbox.variables = entering.receive_assignment(ours, entering.open_listeners(0, 0))
        self._tasks.append(asyncio.ensure_future(self.play(sandbox)))
        return self.gauges

    def stop(self, environment_id: str) -> None:
        for sandbox in self.sandboxes:
            if sandbox.order.environment_id == environment_id:
                asyncio.get_running_loop().call_soon(sandbox.exit, 9)

    async def close(self) -> None:
        for sandbox in self.sandboxes:
            sandbox.exit(9)
        for task in self._tasks:
            task.cancel()
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        # A runtime whose sandbox was killed in the middle of a call reads the end of its socket.
        expected = (asyncio.CancelledError, OSError, asyncio.IncompleteReadError, IndexError)
        wrong = [o for o in outcomes if isinstance(o, BaseException)]
        assert [each for each in wrong if not isinstance(each, expected)] == []


async def serve_forever(sandbox: PlayedSandbox) -> None:
    """Answer every event with itself."""
    while True:
        status, headers, body = await sandbox.call("GET", "/invocation/next")
        assert status == 200
        await sandbox.respond(headers["lambda-runtime-aws-request-id"], body)


async def idle(sandbox: PlayedSandbox) -> None:
    """Never say a word."""


@dataclass
class Endpoint:
    """What serves the AWS endpoint of one sandbox."""

    listener: socket.socket
    is_closed: bool = False

    def close(self) -> None:
        self.is_closed = True
        self.listener.close()


class Stage:
    """Makes environments, and keeps what they do."""

    def __init__(self, place: Place) -> None:
        self.launcher = PlayedLauncher()
        self.lines: dict[str, list[str]] = defaultdict(list)
        self.ended: list[ExecutionEnvironment] = []
        self.endpoints: list[Endpoint] = []
        self.on_endpoint: Callable[[], None] = lambda: None
        self.place_is_found = asyncio.Event()
        self.place_is_found.set()
        self._place = place

    @property
    def messages(self) -> list[str]:
        """Everything that was logged, whatever the stream."""
        return [message for lines in self.lines.values() for message in lines]

    def make_environment(self, version: FunctionVersion | None = None) -> ExecutionEnvironment:
        launcher: Any = self.launcher
        clock = SystemClock()
        return ExecutionEnvironment(
            version or make_version(),
            Surroundings(launcher, clock.now, lambda: False),
            find_place=self._find_place,
            clock=clock,
            emit=self._emit,
            serve_endpoint=self._serve_endpoint,
            on_end=self.ended.append,
        )

    async def close(self) -> None:
        await self.launcher.close()
        for endpoint in self.endpoints:
            endpoint.close()
        await asyncio.sleep(0)

    async def _find_place(self, version: FunctionVersion) -> Place:
        await self.place_is_found.wait()
        return self._place

    def _emit(self, version: FunctionVersion, stream: str, lines: list[LogLine]) -> None:
        self.lines[stream] += [line.message for line in lines]

    async def _serve_endpoint(
        self, environment: ExecutionEnvironment, listener: socket.socket
    ) -> Endpoint:
        self.endpoints.append(Endpoint(listener))
        self.on_endpoint()
        await asyncio.sleep(0)
        return self.endpoints[-1]
