"""One sandbox as the node holds it: its Runtime API, its output, its gauges, its ends."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from lambdad.clock import Clock
from lambdad.environment.alarm import Alarm
from lambdad.environment.cpu_time import CpuTime
from lambdad.environment.handshake import Handshake, Listeners
from lambdad.environment.http import Connection, Send, send_at_once
from lambdad.environment.launcher_client import Gauges, LauncherClient
from lambdad.environment.memory import MemoryInUse
from lambdad.environment.memory_watch import MemoryWatch
from lambdad.environment.output import Output
from lambdad.environment.runtime_api import Answer, RuntimeApi
from lambdad.environment.xray_daemon import XRayDaemon
from lambdad.errors import PlatformError
from lambdad.launcher.contract import Order
from lambdad.launcher.messages import Exited
from lambdad.model.invocation import Invocation
from lambdad.model.lines import Lines


@dataclass(frozen=True, slots=True)
class Initialized:
    """The runtime asked for its first event."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Nothing happened in time."""

    seconds: float


Event = Initialized | Answer | Exited | TimedOut


_HANDSHAKE_SECONDS = 60.0  # a new zygote may stand in between, on a slow and busy machine
_MAX_CONNECTIONS = 64  # a runtime and its extensions need a handful


class _Refusal(asyncio.Protocol):
    """What a function gets that wants the node's descriptors for itself."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Closable(Protocol):
    """Something that serves until it is closed."""

    def close(self) -> None:
        """Stop serving."""


ServeEndpoint = Callable[[socket.socket], Awaitable[Closable]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every sandbox of a node shares with the others."""

    launcher: LauncherClient
    clock: Clock
    is_congested: Callable[[], bool]
    memory_watch: MemoryWatch
    send: Send = send_at_once


class Sandbox:
    """The place of one environment, and what runs in it: from `start` until its processes end, by
    `kill` or by themselves; again with `restart`; and no more after `discard`.

    What happens is told by `next_event`, each thing once, in order; `on_end` is called besides
    when the processes have ended, so that nobody hands them another event.
    """

    def __init__(
        self,
        order: Order,
        surroundings: Surroundings,
        *,
        emit: Callable[[Lines], None],
        on_end: Callable[[], None],
        serve_endpoint: ServeEndpoint,
        take_segments: Callable[[list[str]], None],
    ) -> None:
        self.order = order
        self.has_ended = asyncio.Event()
        self._surroundings = surroundings
        self._on_end = on_end
        self._emit = emit
        self._serve_endpoint = serve_endpoint
        self._take_segments = take_segments
        self._waiter: asyncio.Future[Event] | None = None
        self._alarm = Alarm(lambda seconds: self._happen(TimedOut(seconds)), surroundings.clock)
        self._gauges = Gauges()
        self._memory = MemoryInUse()
        self._cpu_time = CpuTime()
        self._output: Output | None = None
        self._serving: list[Closable] = []
        self._connections: set[Connection] = set()
        self._is_discarded = False
        self._begin()

    def _begin(self) -> None:
        """Of what an earlier run said and asked for, nothing counts any more."""
        self.has_ended.clear()
        self._events: deque[Event] = deque()
        self.api = RuntimeApi(
            on_next=lambda: self._happen(Initialized()),
            on_init_error=self._happen,
            on_answer=self._happen,
        )

    async def start(
        self, variables: dict[str, str], on_asked: Callable[[], None] = lambda: None
    ) -> None:
        """Start it; PlatformError when the machine did not let it be. `on_asked` is called when the
        launcher was asked and has not answered, nor can anything have been printed."""

        def ask(channel: int, output: int) -> Awaitable[Gauges]:
            asked = self._surroundings.launcher.start(self.order, channel, output, self._exited)
            on_asked()
            return asked

        await self._run(variables, ask)

    async def restart(self, variables: dict[str, str]) -> None:
        """Start processes again in the same place, once the last ones have ended."""
        await self.has_ended.wait()
        if self._is_discarded:
            raise PlatformError("the execution environment was stopped before it started again")
        self._begin()
        await self._run(
            variables,
            lambda channel, output: self._surroundings.launcher.restart(
                self.order.environment_id, channel, output
            ),
        )

    async def _run(
        self, variables: dict[str, str], ask: Callable[[int, int], Awaitable[Gauges]]
    ) -> None:
        try:
            asked, handshake = self._ask(variables, ask)
            try:
                self._gauges = await asked
            except BaseException:
                handshake.give_up()
                raise
        except BaseException:
            self._close_run()
            self._close_place()
            self.has_ended.set()  # it never was
            self._on_end()
            raise
        await self._shake_hands(handshake)

    def _ask(
        self, variables: dict[str, str], ask: Callable[[int, int], Awaitable[Gauges]]
    ) -> tuple[Awaitable[Gauges], Handshake]:
        reading, writing = os.pipe()
        try:
            self._read_output(reading)
            handshake = Handshake(variables)
            try:
                return ask(handshake.theirs.fileno(), writing), handshake
            except BaseException:
                handshake.give_up()
                raise
            finally:
                handshake.close_theirs()
        finally:
            os.close(writing)

    def _read_output(self, descriptor: int) -> None:
        self._output = Output(
            descriptor,
            now=self._surroundings.clock.now,
            emit=self._emit,
            is_congested=self._surroundings.is_congested,
        )

    async def _shake_hands(self, handshake: Handshake) -> None:
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                handed = await handshake.receive()
            self._memory = MemoryInUse(handed.memory, self._gauges.memory_peak, handed.tmp)
            self._cpu_time = CpuTime(self._gauges.cpu_time)
            if handed.output is not None and self._output is not None:
                self._output.close()
                self._read_output(handed.output)
            if handed.listeners is not None:
                await self._serve(handed.listeners)
        except TimeoutError:
            self.discard()
            raise PlatformError("the sandbox did not come up") from None
        except BaseException:
            self.discard()
            raise
        finally:
            if self.has_ended.is_set():
                self._close_run()

    async def _serve(self, listeners: Listeners) -> None:
        self._close_place()
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(self._connect, sock=listeners.runtime_api)
            self._serving.append(server)
            self._serving.append(await self._serve_endpoint(listeners.endpoint))
            self._serving.append(
                XRayDaemon(
                    listeners.xray_daemon, self._take_segments, self._surroundings.is_congested
                )
            )
        except BaseException:
            for listener in listeners[len(self._serving) :]:
                listener.close()
            raise
        if self._is_discarded and self.has_ended.is_set():
            self._close_place()

    async def next_event(self, seconds: float) -> Event:
        """What happens next, or TimedOut after so many `seconds`."""
        if self._events:
            return self._events.popleft()
        self._waiter = asyncio.get_running_loop().create_future()
        self._alarm.set(seconds)
        self._surroundings.memory_watch.begin(self)
        try:
            return await self._waiter
        finally:
            self._surroundings.memory_watch.end(self)
            self._alarm.clear()
            self._waiter = None

    def deliver(self, invocation: Invocation, deadline_ms: int) -> None:
        """Hand over an event."""
        self.api.deliver(invocation, deadline_ms)

    def drain_output(self) -> None:
        """Take what has been printed so far: an invocation is over."""
        if self._output is not None:
            self._output.drain_to_the_last()

    def settle(self) -> None:
        """Init is over, which ran at full speed: from now on the CPU share of the function's memory
        holds."""
        self._gauges.limit_cpu()
        self._memory.settle()

    def max_memory_used_mb(self) -> int:
        """The most memory used so far, as last looked at, in whole megabytes; never more than there
        may be."""
        return min(self._memory.peak_mb(), self.order.memory_mb)

    def cpu_ms(self) -> float:
        """What its processes have taken of the processor since this was asked the last time, in
        milliseconds; 0 where nobody knows."""
        return self._cpu_time.taken_ms()

    @property
    def memory_held(self) -> int:
        """Bytes of the machine's memory that it has taken at most, as last measured."""
        return self._memory.held

    def measure_memory(self) -> None:
        """Look how much memory it has taken by now."""
        self._memory.read()

    def may_be_out_of_memory(self) -> bool:
        """Look whether it has, or had, more memory than it may, as far as can be known here."""
        self._memory.read()
        return not self.has_ended.is_set() and self._memory.last_mb >= self.order.memory_mb

    @property
    def files_held(self) -> int:
        """Bytes in its /tmp, as last seen."""
        return self._memory.files

    def check_memory(self) -> None:
        """Have it ended if it uses more memory than it may. Without a gauge only the launcher can
        know, and is asked each time."""
        if self._gauges.memory_peak is None or self.may_be_out_of_memory():
            self._surroundings.launcher.check_memory(self.order.environment_id)

    async def is_out_of_memory(self) -> bool:
        """The same, and wait for the end if it is to be."""
        in_use = await self._surroundings.launcher.check_memory(self.order.environment_id)
        if in_use is None:
            await self.has_ended.wait()
            return True
        self._memory.correct(in_use)
        return False

    def freeze(self) -> None:
        """Stop every process until `thaw`."""
        self._set_freezer("frozen", self._surroundings.launcher.freeze)

    def thaw(self) -> None:
        """Let every process go on."""
        self._set_freezer("thawed", self._surroundings.launcher.thaw)

    def _set_freezer(self, text: str, ask: Callable[[str], None]) -> None:
        if self._gauges.freezer is not None:
            os.pwrite(self._gauges.freezer, self._gauges.texts[text].encode(), 0)
        elif not self.has_ended.is_set():
            ask(self.order.environment_id)

    def kill(self) -> None:
        """End every process; `has_ended` follows."""
        self._surroundings.launcher.kill(self.order.environment_id)

    def discard(self) -> None:
        """End every process and give the place back; `has_ended` follows if it is not set."""
        self._is_discarded = True
        self._surroundings.launcher.discard(self.order.environment_id)
        if self.has_ended.is_set():
            self._close_place()

    def _connect(self) -> asyncio.Protocol:
        if len(self._connections) >= _MAX_CONNECTIONS:
            return _Refusal()
        connection = Connection(self.api, self._connections.discard, self._surroundings.send)
        self._connections.add(connection)
        return connection

    def _happen(self, event: Event) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(event)
        elif not isinstance(event, TimedOut):
            self._events.append(event)

    def _exited(self, message: Exited) -> None:
        self._memory.raise_to(message.memory_peak)
        self._close_run()
        if self._is_discarded:
            self._close_place()
        self._happen(message)
        self.has_ended.set()
        self._on_end()

    def _close_run(self) -> None:
        """Give the descriptors of the processes back; what they printed last is read first."""
        self._alarm.cancel_timer()
        if self._output is not None:
            self._output.close()
        for connection in list(self._connections):
            connection.close()
        self._memory.close()
        self._cpu_time.close()
        self._gauges.close()

    def _close_place(self) -> None:
        """Give back what outlives processes."""
        for serving in self._serving:
            serving.close()
        self._serving.clear()
