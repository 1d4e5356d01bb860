"""The node's side of the channel to a new sandbox: send the assignment, receive the listeners."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import NamedTuple

from lambdad.errors import PlatformError
from lambdad.launcher import packets

_LISTENERS = 2


class Handed(NamedTuple):
    """The listeners of a sandbox, and the descriptor of its `statm`, where there is one."""

    runtime_api: socket.socket
    endpoint: socket.socket
    memory: int | None


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
        if len(descriptors) < _LISTENERS:
            for descriptor in descriptors:
                os.close(descriptor)
            raise PlatformError("the node has no descriptor left for another sandbox")
        runtime_api, endpoint, *memory = descriptors
        return Handed(
            socket.socket(fileno=runtime_api),
            socket.socket(fileno=endpoint),
            memory[0] if memory else None,
        )


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
