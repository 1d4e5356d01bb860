"""The surroundings of an execution environment: a launcher whose sandboxes the test plays."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lambdad.clock import Clock, SystemClock
from lambdad.environment.environment import ExecutionEnvironment, Place
from lambdad.environment.launcher_client import Gauges
from lambdad.environment.memory_watch import MemoryWatch
from lambdad.environment.sandbox import Surroundings
from lambdad.launcher import entering, packets
from lambdad.launcher.contract import Order
from lambdad.launcher.messages import Exited
from lambdad.model.function import Code, FunctionVersion, Status
from lambdad.model.invocation import Ended, Invocation
from lambdad.model.lines import Lines
from lambdad.model.runtime import Interpreter

INTERPRETER = Interpreter("python3.12", "3.12.1", "/usr/bin/python3.12")
INVOCATION = Invocation("r1", b'{"n": 1}', "arn:aws:lambda:eu-west-1:1:function:f", "Root=1")
PATIENCE = 5.0
PREFIX = "/2018-06-01/runtime"
KILLED = 9


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


def make_invocation(request_id: str) -> Invocation:
    return Invocation(request_id, b'{"of": "%s"}' % request_id.encode(), "arn", "Root=1")


async def happens(condition: Callable[[], object]) -> None:
    """Let the loop run until something is so; the loop's own time may stand still meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0)


async def settle() -> None:
    """Let the transports see that their other ends are gone, and close."""
    for _ in range(30):
        await asyncio.sleep(0)


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """This process can open so many descriptors more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + count, limits[1]))
    taken: list[int] = []
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        for _ in range(count):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for descriptor in taken:
            os.close(descriptor)


def kinds(messages: list[str]) -> list[str]:
    """The first word of each line: START, END, REPORT, …"""
    return [message.split()[0] for message in messages]


def figures(line: str) -> dict[str, str]:
    """What a REPORT or INIT_REPORT says, by name."""
    parts = line.removeprefix("INIT_").removeprefix("REPORT ").split("\t")
    return dict(part.split(": ", 1) for part in parts if part)


@dataclass
class PlayedRun:
    """One run in a sandbox: what the process inside would do, the test does."""

    number: int
    order: Order
    exited: Callable[[Exited], None]
    answer: Callable[[], None]  # the launcher's, that it has started
    channel: socket.socket
    output: int
    variables: dict[str, str] = field(default_factory=dict)
    has_ended: bool = False
    task: asyncio.Task[None] | None = None  # what it does
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

    def exit(self, status: int = 0, *, out_of_memory: bool = False, peak: int = 0) -> None:
        """The launcher tells that its last process has ended; before it, that it had started."""
        if not self.has_ended:
            self.has_ended = True
            if self.task is not None and self.task is not asyncio.current_task():
                self.task.cancel()
            if self._streams:
                self._streams[1].close()
            os.close(self.output)
            self.channel.close()
            self.answer()
            self.exited(Exited(self.order.environment_id, status, out_of_memory, peak))


Play = Callable[[PlayedRun], Any]


@dataclass
class PlayedPlace:
    """What outlives runs."""

    order: Order
    exited: Callable[[Exited], None]
    runs: list[PlayedRun] = field(default_factory=list)
    is_discarded: bool = False

    @property
    def running(self) -> PlayedRun | None:
        """The run that has not ended, if there is one."""
        return self.runs[-1] if self.runs and not self.runs[-1].has_ended else None


class PlayedLauncher:
    """Stands where the client of the launcher stands. Its runs live as `play` says; a kill works
    with the loop's next turn. What it was asked for is in `asked`, in order."""

    def __init__(self) -> None:
        self.play: Play = serve_forever
        self.failure: Exception | None = None  # the answer to start
        self.refusal: Exception | None = None  # the answer to restart
        self.failed_step = ""  # what a sandbox says that cannot be made
        self.is_mute = False  # the process does not come to hand anything over
        self.is_holding_answers = False
        self.kills_slowly = False  # until the test lets it exit
        self.is_out_of_memory = False  # the answer to check_memory
        self.hands_new_listeners = False  # in a restart, as those without a network of their own
        self.tmp: str | None = None
        self.make_gauges: Callable[[], Gauges] = Gauges
        self.asked: list[str] = []
        self.memory_checks = 0  # and so often for these, as somebody looks again and again
        self.places: dict[str, PlayedPlace] = {}
        self.runs: list[PlayedRun] = []
        self._held: list[Callable[[], None]] = []

    def start(
        self, order: Order, channel: int, output: int, exited: Callable[[Exited], None]
    ) -> asyncio.Future[Gauges]:
        self.asked.append("start")
        place = self.places[order.environment_id] = PlayedPlace(order, exited)
        return self._run(place, self.failure, channel, output)

    def restart(self, environment_id: str, channel: int, output: int) -> asyncio.Future[Gauges]:
        self.asked.append("restart")
        place = self.places[environment_id]
        assert not place.running, "legal only after the end of the last run"
        if place.is_discarded:
            raise KeyError(environment_id)  # as the client does
        return self._run(place, self.refusal, channel, output)

    def kill(self, environment_id: str) -> None:
        self.asked.append("kill")
        if not self.kills_slowly:
            self._end(self.places[environment_id])

    def discard(self, environment_id: str) -> None:
        place = self.places.get(environment_id)
        if place is not None and not place.is_discarded:
            self.asked.append("discard")
            place.is_discarded = True
            self._end(place)

    def check_memory(self, environment_id: str) -> asyncio.Future[int | None]:
        self.memory_checks += 1
        loop = asyncio.get_running_loop()
        place = self.places[environment_id]
        is_over = self.is_out_of_memory and place.running is not None
        if is_over and place.running is not None:
            loop.call_soon(partial(place.running.exit, KILLED, out_of_memory=True))
        checked: asyncio.Future[int | None] = loop.create_future()
        loop.call_soon(checked.set_result, None if is_over else 0)
        return checked

    def freeze(self, environment_id: str) -> None:
        self.asked.append("freeze")

    def thaw(self, environment_id: str) -> None:
        self.asked.append("thaw")

    def release_answers(self) -> None:
        """Say what was held back."""
        self.is_holding_answers = False
        for answer in self._held:
            answer()

    async def close(self) -> None:
        for run in self.runs:
            run.exit(KILLED)
        tasks = [run.task for run in self.runs if run.task is not None]
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        # A runtime whose sandbox was killed in the middle of a call reads the end of its socket.
        expected = (asyncio.CancelledError, OSError, asyncio.IncompleteReadError, IndexError)
        wrong = [o for o in outcomes if isinstance(o, BaseException)]
        assert [each for each in wrong if not isinstance(each, expected)] == []

    def _run(
        self, place: PlayedPlace, refusal: Exception | None, channel: int, output: int
    ) -> asyncio.Future[Gauges]:
        loop = asyncio.get_running_loop()
        started: asyncio.Future[Gauges] = loop.create_future()
        if refusal is not None:
            answer = partial(self._refuse, place, started, refusal)
        else:
            answer = partial(self._accept, place, started)
            self._enter(place, answer, os.dup(channel), os.dup(output))
        self._held.append(answer)
        if not self.is_holding_answers:
            loop.call_soon(answer)
        return started

    def _enter(
        self, place: PlayedPlace, answer: Callable[[], None], channel: int, output: int
    ) -> None:
        """A process enters the place, up to the runtime."""
        ours = packets.from_descriptor(channel)
        run = PlayedRun(len(self.runs), place.order, place.exited, answer, ours, output)
        self.runs.append(run)
        place.runs.append(run)
        if self.is_mute:
            return
        if self.failed_step:
            packets.send(ours, {"failed": self.failed_step})
            asyncio.get_running_loop().call_soon(run.exit, 256)
            return
        is_first = len(place.runs) == 1
        has_listeners = is_first or self.hands_new_listeners
        listeners = entering.open_listeners() if has_listeners else []
        run.variables = entering.receive_assignment(ours, listeners, self.tmp)
        if not has_listeners:  # here they are not at the usual ports
            first = place.runs[0].variables
            names = ("AWS_LAMBDA_RUNTIME_API", "AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT")
            run.variables.update({name: first[name] for name in names})
        run.task = asyncio.ensure_future(self.play(run))

    def _accept(self, place: PlayedPlace, started: asyncio.Future[Gauges]) -> None:
        if not started.done():
            started.set_result(self.make_gauges())
        elif started.cancelled():
            self.discard(place.order.environment_id)

    def _refuse(
        self, place: PlayedPlace, started: asyncio.Future[Gauges], refusal: Exception
    ) -> None:
        self.places.pop(place.order.environment_id, None)
        if not started.done():
            started.set_exception(refusal)

    def _end(self, place: PlayedPlace) -> None:
        if place.running is not None:
            asyncio.get_running_loop().call_soon(place.running.exit, KILLED)


# Plays


async def serve_forever(run: PlayedRun) -> None:
    """Answer every event with itself."""
    while True:
        status, headers, body = await run.call("GET", "/invocation/next")
        assert status == 200
        await run.respond(headers["lambda-runtime-aws-request-id"], body)


async def idle(run: PlayedRun) -> None:
    """Never say a word."""


def in_turn(*plays: Play) -> Play:
    """The first run plays the first, the next the next, and all others the last of them."""

    async def play(run: PlayedRun) -> None:
        await plays[min(run.number, len(plays) - 1)](run)

    return play


async def fail_init(run: PlayedRun) -> None:
    """The function cannot be loaded."""
    header = "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError\r\n"
    await run.call("POST", "/init/error", b'{"errorType": "I"}', header)
    run.exit(256)


def exit_in_init(status: int = 256, *, out_of_memory: bool = False) -> Play:
    """End before the runtime has asked for anything."""

    async def play(run: PlayedRun) -> None:
        run.exit(status, out_of_memory=out_of_memory)

    return play


def exit_in_event(status: int = 256, *, out_of_memory: bool = False) -> Play:
    """End with an event in hand."""

    async def play(run: PlayedRun) -> None:
        await run.next()
        run.print(b"last words")
        run.exit(status, out_of_memory=out_of_memory)

    return play


async def hang(run: PlayedRun) -> None:
    """Take an event and never answer it."""
    await run.next()


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

    def __init__(self, place: Place, clock: Clock | None = None) -> None:
        self.clock: Any = clock or SystemClock()
        self.launcher = PlayedLauncher()
        self.memory_watch = MemoryWatch()
        self.lines: dict[str, list[str]] = defaultdict(list)
        self.counted: list[Ended] = []
        self.traced: list[tuple[FunctionVersion, list[str]]] = []
        self.made: list[ExecutionEnvironment] = []
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

    def lines_of(self, kind: str) -> list[str]:
        """The lines that begin so."""
        return [message for message in self.messages if message.startswith(f"{kind} ")]

    @property
    def is_waiting(self) -> bool:
        """Whether an environment waits for what its sandbox does next: then a timer runs."""
        return bool(self.memory_watch._running)

    async def lasts(self, task: asyncio.Task[Any], seconds: float) -> None:
        """Let so much time pass while `task` waits for its sandbox."""
        await happens(lambda: self.is_waiting or task.done())
        self.clock.advance(seconds)

    def make_environment(
        self, version: FunctionVersion | None = None, **changes: Any
    ) -> ExecutionEnvironment:
        launcher: Any = self.launcher
        environment = ExecutionEnvironment(
            version or make_version(),
            Surroundings(launcher, self.clock, lambda: False, self.memory_watch),
            find_place=self._find_place,
            clock=self.clock,
            emit=self._emit,
            serve_endpoint=self._serve_endpoint,
            take_segments=lambda version, documents: self.traced.append((version, documents)),
            **{"on_end": self.ended.append, **changes},
        )
        self.made.append(environment)
        return environment

    async def serve(self, environment: ExecutionEnvironment, request_id: str = "r1") -> None:
        """Have it serve one event, as the pool does; it is idle afterwards."""
        await environment.invoke(make_invocation(request_id))
        environment.release()

    async def close(self) -> None:
        for environment in self.made:
            environment.stop()
        await self.launcher.close()
        for endpoint in self.endpoints:
            endpoint.close()
        await settle()

    async def _find_place(self, version: FunctionVersion) -> Place:
        await self.place_is_found.wait()
        return self._place

    def _emit(
        self, version: FunctionVersion, stream: str, lines: Lines, ended: Ended | None
    ) -> None:
        self.lines[stream] += [line.message for line in lines]
        if ended is not None:
            self.counted.append(ended)

    async def _serve_endpoint(
        self, environment: ExecutionEnvironment, listener: socket.socket
    ) -> Endpoint:
        endpoint = Endpoint(listener)
        self.endpoints.append(endpoint)
        self.on_endpoint()
        try:
            await asyncio.sleep(0)
        except BaseException:
            endpoint.close()
            raise
        return endpoint
