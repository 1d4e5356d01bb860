"""The launcher's one loop: descriptors that have something to say, children that ended, and what is
due."""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import signal
import time
import traceback
from collections.abc import Callable


class Loop:
    """Waits, and calls back; never runs two callbacks at once.

    Signals are only noted by their handler and handled here, in turn.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, Callable[[int], None]] = {}
        self._signals: dict[int, Callable[[], None]] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._running = True
        self._wakeup, self._wakeup_end = os.pipe()
        os.set_blocking(self._wakeup_end, False)
        signal.set_wakeup_fd(self._wakeup_end, warn_on_full_buffer=False)
        self.watch(self._wakeup, self._signalled)
        self.on_signal(signal.SIGCHLD, self._reap)

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call back whenever `descriptor` is readable."""
        self._selector.register(descriptor, selectors.EVENT_READ, callback)

    def forget(self, descriptor: int) -> None:
        """Watch `descriptor` no more."""
        self._selector.unregister(descriptor)

    def adopt(self, pid: int, ended: Callable[[int], None]) -> None:
        """Call `ended` with the wait status of child `pid` when it has ended."""
        self._children[pid] = ended

    def on_signal(self, number: int, callback: Callable[[], None]) -> None:
        """Call back, from the loop, when the process is sent signal `number`."""
        self._signals[number] = callback
        signal.signal(number, lambda *_: None)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Call back once, when so many seconds have passed."""
        due = time.monotonic() + seconds
        heapq.heappush(self._due, (due, next(self._numbers), callback))

    def run(self) -> None:
        """Serve until `stop`."""
        self._running = True
        while self._running:
            self.run_once(None)

    def run_once(self, timeout: float | None) -> None:
        """Serve what is there, or wait at most `timeout` seconds (None: without end) for it."""
        for key, _ in self._selector.select(self._until_due(timeout)):
            # A callback before this one may have given the number to somebody else.
            if self._selector.get_map().get(key.fd) is key:
                _call(key.data)
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _call(heapq.heappop(self._due)[2])

    def run_until_alone(self, seconds: float) -> None:
        """Serve until every child has ended and been told of, or `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while self._children and time.monotonic() < deadline:
            self.run_once(0.05)

    def stop(self) -> None:
        """Let `run` return."""
        self._running = False

    def close(self) -> None:
        """Let go of the signals and descriptors."""
        signal.set_wakeup_fd(-1)
        for number in self._signals:
            signal.signal(number, signal.SIG_DFL)
        self._selector.close()
        os.close(self._wakeup)
        os.close(self._wakeup_end)

    def _until_due(self, timeout: float | None) -> float | None:
        if not self._due:
            return timeout
        seconds = max(0.0, self._due[0][0] - time.monotonic())
        return seconds if timeout is None else min(seconds, timeout)

    def _signalled(self) -> None:
        for number in set(os.read(self._wakeup, 4096)):
            callback = self._signals.get(number)
            if callback:
                callback()

    def _reap(self) -> None:
        while self._children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self._children.pop(pid, None)
            if ended:
                ended(status)


def _call(callback: Callable[[], None]) -> None:
    """Whatever goes wrong for one sandbox, the others need the loop."""
    try:
        callback()
    except Exception:
        traceback.print_exc()
