"""One life of the node: what it asks for is done, and what happens is told to it, never to the
node that comes after it."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable

from lambdad.launcher import messages, packets
from lambdad.launcher.contract import Exit, Look, NotToBeHad, Sandbox, Sandboxes
from lambdad.launcher.messages import (
    CheckMemory,
    CountWaiting,
    Discard,
    Exited,
    Freeze,
    Kill,
    LookAt,
    MemoryChecked,
    NotStarted,
    Prepare,
    Prepared,
    Restart,
    Seen,
    Start,
    Started,
    Thaw,
    WaitingCounted,
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
        self._known: dict[str, Sandbox] = {}
        self._running: set[str] = set()
        self._is_over = False

    def receive(self) -> bool:
        """Take one packet and obey; False when the node has hung up."""
        try:
            packet = packets.receive(self.channel)
            if packet is None:
                return False
            self._obey(*packet)
        except OSError as error:
            print(f"lambdad: what the node asked for was not done: {error}", file=sys.stderr)
        except Exception as error:
            print(f"lambdad: the node said what nobody understands: {error!r}", file=sys.stderr)
            self._on_nonsense()
        return True

    def end(self) -> None:
        """The node is dead: kill all that it started."""
        self._is_over = True
        self._sandboxes.close()
        self._known.clear()
        self.channel.close()

    def _obey(self, content: dict[str, object], descriptors: list[int]) -> None:
        try:
            message = messages.decode(content)
            match message:
                case Prepare():
                    self._prepare(message)
                case LookAt():
                    self._look_at(message)
                case CountWaiting(request):
                    self._tell(WaitingCounted(request, self._sandboxes.count_waiting()))
                case Start():
                    channel, output = descriptors
                    self._start(message, channel, output)
                case Restart(environment_id):
                    channel, output = descriptors
                    self._restart(environment_id, channel, output)
                case Discard(environment_id):
                    self._discard(environment_id)
                case CheckMemory(environment_id) if environment_id in self._known:
                    in_use = self._known[environment_id].check_memory()
                    self._tell(MemoryChecked(environment_id, in_use))
                case Kill() | Freeze() | Thaw():
                    self._signal(message)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _prepare(self, message: Prepare) -> None:
        def prepared(problem: str | None) -> None:
            self._tell(Prepared(message.request, problem))

        try:
            self._sandboxes.prepare(
                message.runtime, message.account_id, message.memory_mb, prepared
            )
        except OSError as error:
            prepared(str(error))

    def _look_at(self, message: LookAt) -> None:
        def seen(look: Look) -> None:
            self._tell(Seen(message.request, look))

        try:
            self._sandboxes.look(message.directory, seen)
        except OSError as error:
            seen(Look(message.directory, problem=str(error)))

    def _start(self, message: Start, channel: int, output: int) -> None:
        environment_id = message.order.environment_id

        def ended(how: Exit) -> None:
            if environment_id in self._running:
                self._running.remove(environment_id)
                self._tell(Exited(environment_id, how.status, how.out_of_memory, how.memory_peak))

        try:
            sandbox = self._sandboxes.start(message.order, channel, output, ended)
        except NotToBeHad as error:
            self._tell(NotStarted(environment_id, str(error), error.wanted))
            return
        except OSError as error:
            self._tell(NotStarted(environment_id, str(error)))
            return
        self._known[environment_id] = sandbox
        self._began(environment_id)

    def _restart(self, environment_id: str, channel: int, output: int) -> None:
        sandbox = self._known[environment_id]
        try:
            sandbox.restart(channel, output)
        except OSError as error:
            self._discard(environment_id)
            self._tell(NotStarted(environment_id, str(error)))
            return
        self._began(environment_id)

    def _signal(self, message: Kill | Freeze | Thaw) -> None:
        if sandbox := self._known.get(message.environment_id):
            {Kill: sandbox.kill, Freeze: sandbox.freeze, Thaw: sandbox.thaw}[type(message)]()

    def _began(self, environment_id: str) -> None:
        """Say so, and hand the gauges over; without them there is no sandbox."""
        sandbox = self._known[environment_id]
        try:
            gauges = sandbox.gauges()
        except OSError as error:
            del self._known[environment_id]
            self._tell(NotStarted(environment_id, str(error)))  # so nobody is told of its end
            sandbox.discard()
            return
        self._running.add(environment_id)
        handed = list(gauges.descriptors.values())
        self._tell(Started(environment_id, list(gauges.descriptors), gauges.texts), handed)
        for descriptor in handed:
            os.close(descriptor)

    def _discard(self, environment_id: str) -> None:
        if sandbox := self._known.pop(environment_id, None):
            sandbox.discard()  # and if it runs, its end is still told

    def _tell(self, message: messages.Message, descriptors: list[int] | None = None) -> None:
        if not self._is_over:
            try:
                messages.send(self.channel, message, descriptors or [])
            except OSError:
                pass  # the node is dying; the loop will be told
