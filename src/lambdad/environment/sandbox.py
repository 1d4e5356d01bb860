"""One started sandbox as the node holds it: its Runtime API, its output, its gauges, its end."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from lambdad.environment.handshake import Handshake
from lambdad.environment.http import Connection
from lambdad.environment.launcher_client import Gauges, LauncherClient
from lambdad.environment.memory import MemoryInUse
from lambdad.environment.output import Output
from lambdad.environment.runtime_api import Answer, ErrorResponse, RuntimeApi
from lambdad.errors import PlatformError
from lambdad.launcher.contract import Order
from lambdad.launcher.messages import Exited
from lambdad.model.invocation import Invocation
from lambdad.model.log_line import LogLine


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
    now: Callable[[], float]
    is_congested: Callable[[], bool]


class Sandbox:
    """From `start` to `stop` or to its own end, whichever comes first.

    What happens is told by `next_event`, each thing once, in order; `on_end` is called besides
    when the sandbox ends, so that nobody hands it another event.
    """

    def __init__(
        self,
        order: Order,
        surroundings: Surroundings,
        *,
        emit: Callable[[list[LogLine]], None],
        on_end: Callable[[], None],
    ) -> None:
        self.order = order
        self.has_ended = asyncio.Event()
        self._surroundings = surroundings
        self._on_end = on_end
        self._emit = emit
        self._events: deque[Event] = deque()
        self._waiter: asyncio.Future[Event] | None = None
        self._gauges = Gauges()
        self._memory = MemoryInUse()
        self._output: Output | None = None
        self._serving: list[Closable] = []
        self._connections: set[Connection] = set()
        self.api = RuntimeApi(
            on_next=lambda: self._happen(Initialized()),
            on_init_error=self._happen,
            on_answer=self._happen,
        )

    async def start(self, variables: dict[str, str], serve_endpoint: ServeEndpoint) -> None:
        """Start it; PlatformError when the machine did not let it be."""
        reading, writing = os.pipe()
        self._output = Output(
            reading,
            now=self._surroundings.now,
            emit=self._emit,
            is_congested=self._surroundings.is_congested,
        )
        handshake = Handshake(variables)
        starting = asyncio.ensure_future(
            self._surroundings.launcher.start(
                self.order, handshake.theirs.fileno(), writing, self._exited
            )
        )
        await asyncio.sleep(0)  # the packet is sent, or copied, with the task's first step
        handshake.close_theirs()
        os.close(writing)
        try:
            self._gauges = await starting
        except BaseException:
            handshake.give_up()
            self._close()
            self.has_ended.set()  # it never was
            raise
        try:
            async with asyncio.timeout(_HANDSHAKE_SECONDS):
                handed = await handshake.receive()
        except TimeoutError:
            self.stop()
            raise PlatformError("the sandbox did not come up") from None
        except BaseException:
            self.stop()
            raise
        self._memory.watch(handed.memory, self._gauges.memory_peak)
        loop = asyncio.get_running_loop()
        self._serving.append(await loop.create_server(self._connect, sock=handed.runtime_api))
        self._serving.append(await serve_endpoint(handed.endpoint))
        if self.has_ended.is_set():
            self._close()

    async def next_event(self, seconds: float) -> Event:
        """What happens next, or TimedOut after so many `seconds`."""
        if self._events:
            return self._events.popleft()
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(seconds, self._happen, TimedOut(seconds))
        try:
            return await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def deliver(self, invocation: Invocation, deadline_ms: int) -> None:
        """Hand over an event."""
        self.api.deliver(invocation, deadline_ms)

    def drain_output(self) -> None:
        """Take what has been printed so far: an invocation is over."""
        if self._output is not None:
            self._output.drain_to_the_last()

    def limit_cpu(self) -> None:
        """From now on the CPU share of the function's memory holds; Init ran at full speed."""
        if self._gauges.cpu_quota is not None:
            os.pwrite(self._gauges.cpu_quota, self._gauges.cpu_quota_text.encode(), 0)

    def max_memory_used_mb(self) -> int:
        """The most memory used so far, in whole megabytes; never more than there may be."""
        return min(self._memory.peak_mb(), self.order.memory_mb)

    def stop(self) -> None:
        """Kill it; `has_ended` follows."""
        self._surroundings.launcher.stop(self.order.environment_id)

    def _connect(self) -> asyncio.Protocol:
        if len(self._connections) >= _MAX_CONNECTIONS:
            return _Refusal()
        connection = Connection(self.api, self._connections.discard)
        self._connections.add(connection)
        return connection

    def _happen(self, event: Event) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(event)
        elif not isinstance(event, TimedOut):
            self._events.append(event)

    def _exited(self, message: Exited) -> None:
        self._memory.raise_to(message.memory_peak)
        self._close()
        self._happen(message)
        self.has_ended.set()
        self._on_end()

    def _close(self) -> None:
        """Give back every descriptor; what the function printed last is read first."""
        if self._output is not None:
            self._output.close()
        for serving in self._serving:
            serving.close()
        self._serving.clear()
        for connection in list(self._connections):
            connection.close()
        self._memory.close()
        self._gauges.close()
        self._gauges = Gauges()


__all__ = ["ErrorResponse", "Event", "Exited", "Initialized", "Sandbox", "TimedOut"]
