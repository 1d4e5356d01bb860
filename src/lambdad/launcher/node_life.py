"""One life of the node: what it asks for is done, and what happens is told to it, never to the
node that comes after it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable

from lambdad.launcher import messages, packets
from lambdad.launcher.contract import Exit, Sandbox, Sandboxes
from lambdad.launcher.messages import (
    Exited,
    NotStarted,
    Prepare,
    Prepared,
    Start,
    Started,
    Stop,
)


class NodeLife:
    """The launcher's end of one node's socket, and the sandboxes that this node started.

    `on_nonsense` is called when the node says what no node of ours says: it is somebody else's
    then.
    """

    def __init__(
        self, channel: socket.socket, sandboxes: Sandboxes, on_nonsense: Callable[[], None]
    ) -> None:
        self.channel = channel
        self._sandboxes = sandboxes
        self._on_nonsense = on_nonsense
        self._running: dict[str, Sandbox] = {}
        self._is_over = False

    def receive(self) -> bool:
        """Take one packet and obey; False when the node has hung up."""
        try:
            packet = packets.receive(self.channel)
            if packet is None:
                return False
            self._obey(*packet)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            print(f"lambdad: the node said what nobody understands: {error!r}", file=sys.stderr)
            self._on_nonsense()
        return True

    def end(self) -> None:
        """The node is dead: kill all that it started."""
        self._is_over = True
        self._sandboxes.close()
        self._running.clear()
        self.channel.close()

    def _obey(self, content: dict[str, object], descriptors: list[int]) -> None:
        try:
            message = messages.decode(content)
            match message:
                case Prepare():
                    self._prepare(message)
                case Start():
                    channel, output = descriptors
                    self._start(message, channel, output)
                case Stop():
                    if sandbox := self._running.get(message.environment_id):
                        sandbox.kill()
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _prepare(self, message: Prepare) -> None:
        def prepared(problem: str | None) -> None:
            self._tell(Prepared(message.request, problem))

        try:
            self._sandboxes.prepare(message.runtime, message.account_id, prepared)
        except OSError as error:
            prepared(str(error))

    def _start(self, message: Start, channel: int, output: int) -> None:
        environment_id = message.order.environment_id

        def ended(how: Exit) -> None:
            if self._running.pop(environment_id, None):
                self._tell(Exited(environment_id, how.status, how.out_of_memory, how.memory_peak))

        try:
            sandbox = self._sandboxes.start(message.order, channel, output, ended)
        except OSError as error:
            self._tell(NotStarted(environment_id, str(error)))
            return
        try:
            gauges = sandbox.gauges()
        except OSError as error:
            sandbox.kill()  # nobody knows of it yet, and nobody will
            self._tell(NotStarted(environment_id, str(error)))
            return
        self._running[environment_id] = sandbox
        handed = list(gauges.descriptors.values())
        self._tell(Started(environment_id, list(gauges.descriptors), gauges.cpu_quota), handed)
        for descriptor in handed:
            os.close(descriptor)

    def _tell(self, message: messages.Message, descriptors: list[int] | None = None) -> None:
        if not self._is_over:
            try:
                messages.send(self.channel, message, descriptors or [])
            except OSError:
                pass  # the node is dying; the loop will be told
