"""The node's side of the channel to a new sandbox: send the assignment, receive the listeners."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import NamedTuple

from lambdad.errors import PlatformError
from lambdad.launcher import packets


class Listeners(NamedTuple):
    """What a sandbox listens on, for the node to accept; of the X-Ray daemon, to read."""

    runtime_api: socket.socket
    endpoint: socket.socket
    xray_daemon: socket.socket


class Handed(NamedTuple):
    """The listeners of a sandbox (None when it runs again, and they are handed over already), the
    descriptors of its `statm` and of its /tmp, where there are any, and the pipe of a program that
    ran before it was known for whom: what it prints comes out of that."""

    listeners: Listeners | None
    memory: int | None
    tmp: int | None
    output: int | None


class Handshake:
    """One channel. The assignment is sent ahead, so that the sandbox never waits for it."""

    def __init__(self, variables: dict[str, str]) -> None:
        self._ours, self.theirs = packets.socket_pair()
        self._ours.setblocking(False)
        packets.send(self._ours, {"variables": variables})

    def close_theirs(self) -> None:
        """The sandbox has its end now."""
        self.theirs.close()

    def give_up(self) -> None:
        """There is no sandbox to hear from."""
        self._ours.close()

    async def receive(self) -> Handed:
        """What the sandbox hands out. PlatformError when it says what failed, or ends without a
        word."""
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._ours.fileno(), _resolve, readable)
        try:
            await readable
            packet = packets.receive(self._ours)
        finally:
            loop.remove_reader(self._ours.fileno())
            self._ours.close()
        if packet is None:
            raise PlatformError("the sandbox ended before it was ready")
        message, descriptors = packet
        if "failed" in message:
            raise PlatformError(f"the sandbox could not be made: {message['failed']}")
        names = message["handed"]
        if len(descriptors) < len(names):
            for descriptor in descriptors:
                os.close(descriptor)
            raise PlatformError("the node has no descriptor left for another sandbox")
        return _sorted(dict(zip(names, descriptors, strict=True)))


def _sorted(named: dict[str, int]) -> Handed:
    listeners = None
    if "runtime_api" in named:
        sockets = (socket.socket(fileno=named[name]) for name in Listeners._fields)
        listeners = Listeners(*sockets)
    return Handed(listeners, named.get("memory"), named.get("tmp"), named.get("output"))


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
