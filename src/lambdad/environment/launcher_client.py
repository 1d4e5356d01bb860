"""The node's side of the socket to the launcher."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdad.environment.host_directories import not_to_be_had
from lambdad.errors import ClientError, PlatformError
from lambdad.launcher import messages, packets
from lambdad.launcher.contract import Look, Order
from lambdad.launcher.messages import (
    Exited,
    Hello,
    MemoryChecked,
    NotStarted,
    Prepared,
    Seen,
    Started,
    WaitingCounted,
)


@dataclass(slots=True)
class Gauges:
    """Descriptors of a started sandbox, owned by whoever got them; None where the sandbox has no
    such thing. `texts` has what to write to them."""

    memory_peak: int | None = None
    cpu_quota: int | None = None
    freezer: int | None = None
    texts: dict[str, str] = field(default_factory=dict)
    cpu_time: int | None = None

    def limit_cpu(self) -> None:
        """Let the CPU share hold, for as long as these processes live."""
        if self.cpu_quota is not None:
            os.pwrite(self.cpu_quota, self.texts["cpu_quota"].encode(), 0)
            os.close(self.cpu_quota)
            self.cpu_quota = None

    def close(self) -> None:
        """Give the descriptors back."""
        for descriptor in (self.memory_peak, self.cpu_time, self.cpu_quota, self.freezer):
            if descriptor is not None:
                os.close(descriptor)
        self.memory_peak = self.cpu_time = self.cpu_quota = self.freezer = None


@dataclass(slots=True)
class _Watched:
    started: asyncio.Future[Gauges]
    exited: Callable[[Exited], None]
    checked: asyncio.Future[int | None] | None = None
    is_running: bool = True
    is_discarded: bool = False


@dataclass(slots=True)
class LauncherClient:
    """Asks for sandboxes. Never blocks: what the socket does not take at once waits here.

    `on_gone` is called when the launcher is no more; nothing can run after that.
    """

    channel: socket.socket
    on_gone: Callable[[], None]
    hello: Hello = field(init=False)
    _requests: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _unsent: deque[tuple[messages.Message, list[int]]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        packet = packets.receive(self.channel)
        greeting = messages.decode(packet[0]) if packet else None
        if not isinstance(greeting, Hello):
            raise PlatformError("the launcher did not say hello")
        self.hello = greeting

    def listen(self) -> None:
        """Start to read; needs the running loop."""
        self.channel.setblocking(False)
        asyncio.get_running_loop().add_reader(self.channel.fileno(), self._receive)

    async def prepare(self, runtime: str, account_id: str, memory_mb: int) -> None:
        """Warm up for `runtime`, this account and functions with so much memory; PlatformError when
        it cannot run."""
        await self._ask(lambda request: messages.Prepare(request, runtime, account_id, memory_mb))

    async def look(self, directory: str) -> Look:
        """Look at a directory with live code, whatever the caller called it."""
        look: Look = await self._ask(lambda request: messages.LookAt(request, directory))
        return look

    async def count_waiting(self) -> int:
        """How many sandboxes wait for an environment."""
        count: int = await self._ask(messages.CountWaiting)
        return count

    async def _ask(self, question: Callable[[int], messages.Message]) -> Any:
        request = len(self._requests) + 1
        while request in self._requests:
            request += 1
        future = asyncio.get_running_loop().create_future()
        self._requests[request] = future
        self._send(question(request))
        try:
            return await future
        finally:
            del self._requests[request]

    def start(
        self, order: Order, channel: int, output: int, exited: Callable[[Exited], None]
    ) -> asyncio.Future[Gauges]:
        """Start a sandbox, whose gauges the future will have; PlatformError when there is none,
        ClientError when it lacks a directory of the host. `exited` is called when its processes
        have ended. The descriptors may be closed when this returns."""
        started: asyncio.Future[Gauges] = asyncio.get_running_loop().create_future()
        self._send(messages.Start(order), [channel, output])
        self._watched[order.environment_id] = _Watched(started, exited)
        return started

    def restart(self, environment_id: str, channel: int, output: int) -> asyncio.Future[Gauges]:
        """Start processes again in a sandbox in which they have ended; see `start`."""
        watched = self._watched[environment_id]
        self._send(messages.Restart(environment_id), [channel, output])
        watched.started, watched.is_running = asyncio.get_running_loop().create_future(), True
        return watched.started

    def kill(self, environment_id: str) -> None:
        """End the processes; `exited` follows."""
        if environment_id in self._watched:
            self._send(messages.Kill(environment_id))

    def discard(self, environment_id: str) -> None:
        """End the processes, if any run, and give the place back; `exited` follows if any ran."""
        watched = self._watched.get(environment_id)
        if watched is not None and not watched.is_discarded:
            watched.is_discarded = True
            self._send(messages.Discard(environment_id))
            if not watched.is_running:
                del self._watched[environment_id]

    def check_memory(self, environment_id: str) -> asyncio.Future[int | None]:
        """Have the processes killed if they use more memory than they may: then the future has
        None, and `exited` follows; otherwise it has the bytes that they use."""
        watched = self._watched.get(environment_id)
        if watched is None or not watched.is_running or not watched.started.done():
            return _resolved(0)
        if watched.checked is None:
            watched.checked = asyncio.get_running_loop().create_future()
            self._send(messages.CheckMemory(environment_id))
        return asyncio.shield(watched.checked)  # one who gives up gives up for himself

    def freeze(self, environment_id: str) -> None:
        """Stop the processes of a sandbox without a freezer."""
        self._send(messages.Freeze(environment_id))

    def thaw(self, environment_id: str) -> None:
        """Let them go on."""
        self._send(messages.Thaw(environment_id))

    def _send(self, message: messages.Message, descriptors: Sequence[int] = ()) -> None:
        if self._unsent:
            self._keep(message, descriptors)
            return
        try:
            messages.send(self.channel, message, descriptors)
        except BlockingIOError:
            self._keep(message, descriptors)
            asyncio.get_running_loop().add_writer(self.channel.fileno(), self._send_kept)

    def _keep(self, message: messages.Message, descriptors: Sequence[int]) -> None:
        kept: list[int] = []
        try:
            for descriptor in descriptors:
                kept.append(os.dup(descriptor))
        except OSError:
            _close(kept)
            raise
        self._unsent.append((message, kept))

    def _send_kept(self) -> None:
        while self._unsent:
            message, descriptors = self._unsent[0]
            try:
                messages.send(self.channel, message, descriptors)
            except BlockingIOError:
                return
            self._unsent.popleft()
            _close(descriptors)
        asyncio.get_running_loop().remove_writer(self.channel.fileno())

    def _receive(self) -> None:
        while True:
            try:
                packet = packets.receive(self.channel)
            except BlockingIOError:
                return
            if packet is None:
                asyncio.get_running_loop().remove_reader(self.channel.fileno())
                self.on_gone()
                return
            self._take(messages.decode(packet[0]), packet[1])

    def _take(self, message: messages.Message, descriptors: list[int]) -> None:
        match message:
            case Prepared():
                self._prepared(message)
            case Seen():
                self._answer(message.request, message.look)
            case WaitingCounted():
                self._answer(message.request, message.count)
            case Started():
                self._started(message, descriptors)
            case NotStarted():
                started = self._watched.pop(message.environment_id).started
                if not started.done():
                    started.set_exception(_why_not_started(message))
            case MemoryChecked():
                self._checked(message.environment_id, message.in_use)
            case Exited():
                self._exited(message)

    def _started(self, message: Started, descriptors: list[int]) -> None:
        """Hand the gauges over; give the sandbox back when they are not all there, or nobody
        waits."""
        started = self._watched[message.environment_id].started
        if len(descriptors) == len(message.gauges) and not started.done():
            named = dict(zip(message.gauges, descriptors, strict=True))
            started.set_result(Gauges(texts=message.texts, **named))
            return
        for descriptor in descriptors:
            os.close(descriptor)
        if not started.done():
            problem = "the node has no descriptor left for another sandbox"
            started.set_exception(PlatformError(problem))
        self.discard(message.environment_id)

    def _checked(self, environment_id: str, in_use: int | None) -> None:
        watched = self._watched.get(environment_id)
        if watched is not None and watched.checked is not None:
            watched.checked.set_result(in_use)
            watched.checked = None

    def _exited(self, message: Exited) -> None:
        watched = self._watched[message.environment_id]
        watched.is_running = False
        self._checked(message.environment_id, None)
        if watched.is_discarded:
            del self._watched[message.environment_id]
        watched.exited(message)

    def _prepared(self, message: Prepared) -> None:
        if message.problem is None:
            self._answer(message.request, None)
        elif (future := self._requests.get(message.request)) and not future.done():
            future.set_exception(PlatformError(message.problem))

    def _answer(self, request: int, answer: Look | int | None) -> None:
        future = self._requests.get(request)
        if future is not None and not future.done():
            future.set_result(answer)


def _why_not_started(message: NotStarted) -> ClientError | PlatformError:
    if message.wanted:
        return not_to_be_had(message.wanted, message.problem)
    return PlatformError(message.problem)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _resolved(value: int) -> asyncio.Future[int | None]:
    future: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future
