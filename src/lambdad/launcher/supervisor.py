"""The launcher's work: do what the node asks, and start another node when one dies.

Every way to die is written down here:

    node dies        every sandbox is killed, a new node is started; five deaths within ten seconds
                     of each other end the server
    launcher dies    the kernel kills the zygotes and so every environment; the node reads the end
                     of its socket, and the kernel sends it the death signal
    SIGTERM, SIGINT  the node drains and exits with 0, then everything is killed; a second signal
                     does not wait for the draining
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable

from lambdad.launcher import messages, packets
from lambdad.launcher.contract import Exit, Sandbox, Sandboxes
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.loop import Loop
from lambdad.launcher.messages import (
    Exited,
    Hello,
    NotStarted,
    Prepare,
    Prepared,
    Start,
    Started,
    Stop,
)  # fmt: skip

_DEATHS_ALLOWED = 5
_WITHIN_SECONDS = 10.0
_FAREWELL_SECONDS = 5.0
_SOCKET_BUFFER = 4 * 1024 * 1024
REFUSED_TO_START = 2  # the node's exit status for what an operator must change

StartNode = Callable[[int], int]  # gets the node's end of the socket, returns its pid


class Supervisor:
    """One node at a time, and its sandboxes."""

    def __init__(
        self,
        *,
        loop: Loop,
        sandboxes: Callable[[], Sandboxes],
        interpreters: dict[str, Interpreter],
        start_node: StartNode,
    ) -> None:
        self._loop = loop
        self._make_sandboxes = sandboxes
        self._interpreters = interpreters
        self._start_node = start_node
        self._sandboxes: Sandboxes | None = None
        self._running: dict[str, Sandbox] = {}
        self._node: socket.socket | None = None
        self._pid = 0
        self._deaths: list[float] = []
        self._is_stopping = False
        self.status = 0

    def run(self) -> int:
        """Serve until told to stop; returns the exit status of the server."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.on_signal(number, self.stop)
        self._begin()
        self._loop.run()
        return self.status

    def _end(self, code: int) -> None:
        """Stop serving; what is left of the sandboxes is waited for, so that nothing remains."""
        self.status = 0 if self._is_stopping and code == 0 else max(code, 1)
        self._loop.run_until_alone(_FAREWELL_SECONDS)
        self._loop.stop()

    def stop(self) -> None:
        """Let the node drain; when asked again, do not wait for it."""
        os.kill(self._pid, signal.SIGKILL if self._is_stopping else signal.SIGTERM)
        self._is_stopping = True

    def _begin(self) -> None:
        sandboxes = self._make_sandboxes()
        ours, theirs = packets.socket_pair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
        self._sandboxes = sandboxes
        self._node = ours
        present = [
            {"name": i.name, "version": i.version, "executable": i.executable}
            for i in self._interpreters.values()
        ]
        messages.send(ours, Hello(sandboxes.name, present))
        self._pid = self._start_node(theirs.fileno())
        theirs.close()
        self._loop.watch(ours.fileno(), self._receive)
        self._loop.adopt(self._pid, self._node_ended)

    def _receive(self) -> None:
        assert self._node is not None
        packet = packets.receive(self._node)
        if packet is None:
            self._loop.forget(self._node.fileno())
            return  # its death comes as SIGCHLD
        content, descriptors = packet
        try:
            self._obey(messages.decode(content), descriptors)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # Only a node that is no longer ours says what no node says.
            print(f"lambdad: the node said what nobody understands: {error!r}", file=sys.stderr)
            os.kill(self._pid, signal.SIGKILL)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _obey(self, message: messages.Message, descriptors: list[int]) -> None:
        match message:
            case Prepare():
                self._prepare(message)
            case Start():
                self._start(message, *descriptors)
            case Stop():
                if sandbox := self._running.get(message.environment_id):
                    sandbox.kill()

    def _prepare(self, message: Prepare) -> None:
        assert self._sandboxes is not None

        def prepared(problem: str | None) -> None:
            self._tell(Prepared(message.request, problem))

        try:
            self._sandboxes.prepare(message.runtime, message.account_id, prepared)
        except OSError as error:
            prepared(str(error))

    def _start(self, message: Start, channel: int, output: int) -> None:
        assert self._sandboxes is not None
        environment_id = message.order.environment_id

        def ended(how: Exit) -> None:
            if self._running.pop(environment_id, None):
                self._tell(Exited(environment_id, how.status, how.out_of_memory, how.memory_peak))

        try:
            sandbox = self._sandboxes.start(message.order, channel, output, ended)
        except OSError as error:
            self._tell(NotStarted(environment_id, str(error)))
            return
        self._running[environment_id] = sandbox
        gauges = sandbox.gauges()
        names = list(gauges.descriptors)
        handed = list(gauges.descriptors.values())
        self._tell(Started(environment_id, names, gauges.cpu_quota), handed)
        for descriptor in handed:
            os.close(descriptor)

    def _tell(self, message: messages.Message, descriptors: list[int] | None = None) -> None:
        if self._node is not None:
            try:
                messages.send(self._node, message, descriptors or [])
            except OSError:
                pass  # the node is dying; the loop will be told

    def _node_ended(self, status: int) -> None:
        assert self._sandboxes is not None
        assert self._node is not None
        node, self._node = self._node, None
        self._sandboxes.close()
        self._running.clear()
        try:
            self._loop.forget(node.fileno())
        except KeyError:
            pass  # its end was read before
        node.close()
        code = os.waitstatus_to_exitcode(status)
        if self._is_stopping or code in (0, REFUSED_TO_START) or self._dies_too_often():
            self._end(code)
            return
        print(f"lambdad: the node ended ({_describe(code)}); starting it again", file=sys.stderr)
        self._begin()

    def _dies_too_often(self) -> bool:
        now = time.monotonic()
        self._deaths = [t for t in self._deaths if now - t < _WITHIN_SECONDS] + [now]
        if len(self._deaths) < _DEATHS_ALLOWED:
            return False
        print("lambdad: the node dies again and again; giving up", file=sys.stderr)
        return True


def _describe(code: int) -> str:
    return f"exit status {code}" if code >= 0 else signal.Signals(-code).name
