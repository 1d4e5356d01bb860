"""The way out of a router: slirp4netns, a process that opens a socket of the host's for every
connection. So it needs no rights over the host's network, and changes nothing of it.

It lives as long as a descriptor that we hold, and so ends with us however we end. When it ends by
itself it is started again; until then there is no egress.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Network

from lambdad.launcher.egress_rules import UPLINK
from lambdad.launcher.loop import Loop
from lambdad.launcher.rtnetlink import MTU

PROGRAM = "slirp4netns"
NETWORK = IPv4Network("198.19.254.0/24")
LOOPBACK = NETWORK[2]  # the host's own, for those who may
RESOLVER = NETWORK[3]  # the host's own, wherever that is
_PATIENCE = 10.0
_AGAIN_SECONDS = 1.0
_FAREWELL_SECONDS = 2.0
_TURN_SECONDS = 0.1
_WORDS = 4096


class Uplink:
    """One process after another, in the network namespace of a descriptor.

    `reaches_loopback`: what is sent to LOOPBACK comes to the host's 127.0.0.1.
    """

    def __init__(self, loop: Loop, program: str, namespace: int, *, reaches_loopback: bool) -> None:
        self._loop = loop
        self._program = program
        self._namespace = namespace
        self._reaches_loopback = reaches_loopback
        self._is_wanted = False
        self._process: _Process | None = None

    @property
    def is_up(self) -> bool:
        """Whether there is egress just now."""
        return self._process is not None and self._process.is_up

    def start(self) -> None:
        """Start it and wait until it is ready; OSError with what it said when it never is."""
        process = self._process = self._begin()
        self._serve_until(lambda: process.is_up or process.is_gone, _PATIENCE)
        if not process.is_up:
            self.close()
            raise OSError(f"{PROGRAM} did not come up ({process.why})")
        self._is_wanted = True

    def close(self) -> None:
        """End it, and wait a moment for its end."""
        self._is_wanted = False
        process = self._process
        if process is not None:
            process.end()
            self._serve_until(lambda: process.is_gone, _FAREWELL_SECONDS)
            process.kill()

    def _serve_until(self, condition: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition() and time.monotonic() < deadline:
            self._loop.run_once(_TURN_SECONDS)

    def _begin(self) -> _Process:
        return _Process(self._loop, self._program, self._command, self._namespace, self._ended)

    def _command(self, ready: int, ending: int) -> list[str]:
        return [
            PROGRAM,
            *("--configure", "--enable-sandbox", "--enable-seccomp"),
            *(() if self._reaches_loopback else ("--disable-host-loopback",)),
            *(f"--cidr={NETWORK}", f"--mtu={MTU}"),
            *(f"--ready-fd={ready}", f"--exit-fd={ending}"),
            *("--netns-type=path", f"/proc/self/fd/{self._namespace}", UPLINK),
        ]

    def _ended(self, process: _Process) -> None:
        if not self._is_wanted:
            return
        print(
            f"lambdad: egress: {PROGRAM} ended ({process.why}); starting it again",
            file=sys.stderr,
        )
        self._loop.call_later(_AGAIN_SECONDS, self._begin_again)

    def _begin_again(self) -> None:
        if not self._is_wanted:
            return
        try:
            process = self._process = self._begin()
        except OSError:  # nothing is to be had just now
            self._loop.call_later(_AGAIN_SECONDS, self._begin_again)
            return
        self._loop.call_later(_PATIENCE, lambda: None if process.is_up else process.kill())


class _Process:
    """One slirp4netns. Three pipes tell all that we know of it and do to it: it says when it is
    ready, what it prints ends when it does, and it ends when we close ours."""

    def __init__(
        self,
        loop: Loop,
        program: str,
        command: Callable[[int, int], list[str]],
        namespace: int,
        ended: Callable[[_Process], None],
    ) -> None:
        self.is_up = self.is_gone = False
        self._said = ""
        self._loop = loop
        self._ended = ended
        self._pidfd = -1
        (self._words, words), (self._ready, ready), (ending, self._ending) = _pipes(3)
        loop.watch(self._words, self._hear)
        loop.watch(self._ready, self._hear_ready)
        try:
            given = [ready, ending, namespace]
            self._pidfd = _spawn(program, command(ready, ending), words, given)
        except OSError as error:
            self._said = str(error)  # and its output is about to end
        for descriptor in (words, ready, ending):
            os.close(descriptor)

    @property
    def why(self) -> str:
        """What it said of its end, in one line."""
        lines = [line for line in self._said.splitlines() if not line.startswith("WARNING")]
        return "; ".join(lines) or "it said nothing"

    def end(self) -> None:
        """Let it end."""
        if self._ending >= 0:
            os.close(self._ending)
            self._ending = -1

    def kill(self) -> None:
        """End it, if it has not ended by itself."""
        if self._pidfd >= 0:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def _hear_ready(self) -> None:
        self.is_up = bool(os.read(self._ready, 1)) and not self.is_gone
        self._loop.forget(self._ready)
        os.close(self._ready)

    def _hear(self) -> None:
        words = os.read(self._words, _WORDS).decode(errors="replace")
        if words:
            self._said = (self._said + words)[-_WORDS:]
            return
        self.is_up, self.is_gone = False, True
        self._loop.forget(self._words)
        os.close(self._words)
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        self.end()
        self._ended(self)


def _pipes(count: int) -> list[tuple[int, int]]:
    """So many pipes, or none."""
    made: list[tuple[int, int]] = []
    try:
        for _ in range(count):
            made.append(os.pipe())
    except OSError:
        for pipe in made:
            for end in pipe:
                os.close(end)
        raise
    return made


def _spawn(program: str, command: list[str], words: int, given: list[int]) -> int:
    """Start it in a session of its own: a Ctrl-C in the terminal is the launcher's to handle.
    Returns a pidfd."""
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    outputs = {0: nothing, 1: nothing, 2: words}
    actions = [(os.POSIX_SPAWN_DUP2, to, number) for number, to in outputs.items()]
    try:
        for descriptor in given:
            os.set_inheritable(descriptor, True)
        pid = os.posix_spawn(program, command, {}, file_actions=actions, setsid=True)
        return os.pidfd_open(pid)
    finally:
        for descriptor in given:
            os.set_inheritable(descriptor, False)
        os.close(nothing)
