"""The supervisor: one node at a time, and another when one dies.

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
from contextlib import suppress

from lambdad.launcher import messages, packets
from lambdad.launcher.contract import Sandboxes
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.loop import Loop
from lambdad.launcher.node_life import NodeLife

_DEATHS_ALLOWED = 5
_WITHIN_SECONDS = 10.0
_FAREWELL_SECONDS = 5.0
_SOCKET_BUFFER = 4 * 1024 * 1024
REFUSED_TO_START = 2  # the node's exit status for what an operator must change

StartNode = Callable[[int], int]  # gets the node's end of the socket, returns its pid


class Supervisor:
    """Keeps a node running until it is told to stop."""

    def __init__(
        self,
        *,
        loop: Loop,
        sandboxes: Callable[[], Sandboxes],
        interpreters: Callable[[], dict[str, Interpreter]],
        start_node: StartNode,
    ) -> None:
        self._loop = loop
        self._make_sandboxes = sandboxes
        self._find_interpreters = interpreters
        self._start_node = start_node
        self._pid: int | None = None  # of the node, while it lives
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

    def stop(self) -> None:
        """Let the node drain; when asked again, do not wait for it."""
        self._signal_node(signal.SIGKILL if self._is_stopping else signal.SIGTERM)
        self._is_stopping = True

    def _begin(self) -> None:
        ours, theirs = packets.socket_pair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BUFFER)
        self._pid = self._start_node(theirs.fileno())
        theirs.close()
        # The node imports for half a second; what takes time here, it does not wait for.
        sandboxes = self._make_sandboxes()
        life = NodeLife(ours, sandboxes, lambda: self._signal_node(signal.SIGKILL))
        with suppress(ConnectionError):  # it may have died meanwhile, which comes as SIGCHLD
            messages.send(ours, messages.Hello(sandboxes.name, self._present()))
        descriptor = ours.fileno()
        is_watched = True

        def forget() -> None:
            nonlocal is_watched
            if is_watched:
                is_watched = False
                self._loop.forget(descriptor)

        def receive() -> None:
            if not life.receive():
                forget()  # its death comes as SIGCHLD

        def ended(status: int) -> None:
            self._pid = None
            forget()
            life.end()
            self._after(os.waitstatus_to_exitcode(status))

        self._loop.watch(descriptor, receive)
        self._loop.adopt(self._pid, ended)

    def _present(self) -> list[dict[str, str]]:
        return [
            {"name": i.name, "version": i.version, "executable": i.executable}
            for i in self._find_interpreters().values()
        ]

    def _signal_node(self, number: int) -> None:
        if self._pid is not None:
            os.kill(self._pid, number)

    def _after(self, code: int) -> None:
        """A node has ended: start another, or end as well."""
        if self._is_stopping or code in (0, REFUSED_TO_START) or self._dies_too_often():
            # A node that is told to stop before it has started ends by the signal itself.
            is_orderly = self._is_stopping and code in (0, -signal.SIGTERM)
            self.status = 0 if is_orderly else max(code, 1)
            self._loop.run_until_alone(_FAREWELL_SECONDS)  # so that nothing remains
            self._loop.stop()
        else:
            how = f"exit status {code}" if code >= 0 else signal.Signals(-code).name
            print(f"lambdad: the node ended ({how}); starting it again", file=sys.stderr)
            self._begin()

    def _dies_too_often(self) -> bool:
        now = time.monotonic()
        self._deaths = [t for t in self._deaths if now - t < _WITHIN_SECONDS] + [now]
        if len(self._deaths) < _DEATHS_ALLOWED:
            return False
        print("lambdad: the node dies again and again; giving up", file=sys.stderr)
        return True
