"""Zygotes as the launcher sees them: started when first needed, one per runtime and account."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lambdad.launcher import packets
from lambdad.launcher.breeds import Breed, spawn
from lambdad.launcher.loop import Loop
from lambdad.launcher.runtime_trees import RuntimeTrees

_RETRY_SECONDS = 0.002

# Gets and owns the mount namespace, a pidfd, and what else is handed over, by name.
OnWaiting = Callable[[int, int, dict[str, int]], None]
OnExited = Callable[[int], None]  # gets a wait status


class ZygoteProcess:
    """One zygote. Environments asked of it before it is ready wait in its socket."""

    def __init__(self, loop: Loop, breed: Breed, trees: RuntimeTrees, root: Path) -> None:
        self.is_gone = False
        self._loop = loop
        self._environments: dict[str, tuple[OnWaiting, OnExited]] = {}
        self._waiting: list[Callable[[str | None], None]] = []
        self._is_ready = False
        self._problem = ""
        self._unsent: deque[tuple[dict[str, Any], list[int]]] = deque()
        self._control, theirs = packets.socket_pair()
        self._pid = spawn(breed, trees, root, theirs.fileno())
        theirs.close()
        self._control.setblocking(False)
        self._is_watched = True
        loop.watch(self._control.fileno(), self._receive)
        loop.adopt(self._pid, self._ended)

    def when_ready(self, prepared: Callable[[str | None], None]) -> None:
        """Call `prepared` with None once this zygote is warm, with a sentence if it never is."""
        if self._is_ready:
            prepared(None)
        else:
            self._waiting.append(prepared)

    def fork(
        self,
        request: dict[str, Any],
        descriptors: list[int],
        waiting: OnWaiting,
        exited: OnExited,
    ) -> None:
        """Ask for an environment; the descriptors may be closed afterwards."""
        self._send({"type": "fork", **request}, descriptors)
        self._environments[request["id"]] = (waiting, exited)

    def signal(self, environment_id: str, what: str) -> None:
        """`kill`, `freeze` or `thaw` every process of an environment."""
        try:
            self._send({"type": what, "id": environment_id})
        except OSError:
            pass  # the zygote is gone, and so is what it forked

    def _send(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send, now or as soon as a busy zygote has read what was sent before."""
        if not self._unsent:
            try:
                packets.send(self._control, message, descriptors)
                return
            except BlockingIOError:
                self._loop.call_later(_RETRY_SECONDS, self._send_kept)
        self._unsent.append((message, [os.dup(descriptor) for descriptor in descriptors]))

    def _send_kept(self) -> None:
        while self._unsent:
            message, descriptors = self._unsent[0]
            try:
                packets.send(self._control, message, descriptors)
            except BlockingIOError:
                self._loop.call_later(_RETRY_SECONDS, self._send_kept)
                return
            except OSError:
                return  # its death is about to be told
            self._forget_first_unsent()

    def _forget_first_unsent(self) -> None:
        _, descriptors = self._unsent.popleft()
        for descriptor in descriptors:
            os.close(descriptor)

    def kill(self) -> None:
        """End the zygote, and with it, by the kernel, every environment it forked."""
        if not self.is_gone:
            os.kill(self._pid, signal.SIGKILL)

    def _receive(self) -> None:
        """Take one packet; at the end of all, wait for its death to be told."""
        packet = packets.receive(self._control)
        if packet is None:
            self._watch_no_more()
        else:
            self._take(*packet)

    def _watch_no_more(self) -> None:
        if self._is_watched:
            self._is_watched = False
            self._loop.forget(self._control.fileno())

    def _take(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if message["type"] == "ready":
            self._is_ready = True
            self._tell(None)
        elif message["type"] == "waiting" and len(descriptors) == 2 + len(message["handed"]):
            namespace, pidfd, *handed = descriptors
            named = dict(zip(message["handed"], handed, strict=True))
            self._environments[message["id"]][0](namespace, pidfd, named)
        elif message["type"] == "waiting":  # we have no descriptor left for it
            for descriptor in descriptors:
                os.close(descriptor)
            self.signal(message["id"], "kill")
        elif message["type"] == "failed":
            self._problem = message["problem"]
        elif message["type"] == "exited":
            self._environments.pop(message["id"])[1](message["status"])

    def _ended(self, status: int) -> None:
        self.is_gone = True
        self._take_last_words()
        self._watch_no_more()
        self._control.close()
        while self._unsent:
            self._forget_first_unsent()
        died = f"the interpreter could not be started (wait status {status})"
        self._tell(self._problem or died)
        for _, exited in list(self._environments.values()):
            exited(signal.SIGKILL)
        self._environments.clear()

    def _take_last_words(self) -> None:
        """Its death may be told before everything that it said is read."""
        try:
            while packet := packets.receive(self._control):
                self._take(*packet)
        except BlockingIOError:
            pass  # an environment that is being made has the other end a moment longer

    def _tell(self, problem: str | None) -> None:
        waiting, self._waiting = self._waiting, []
        for prepared in waiting:
            prepared(problem)
