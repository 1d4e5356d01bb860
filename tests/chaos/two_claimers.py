"""Two processes on one database, of which one is stopped for longer than its lease."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Self

from history import Claimed, Settled

from support.waiting import PATIENCE

LEASE = 0.5
EVENTS = 40
QUICK, SLOW = 0.01, 2 * LEASE  # seconds of work on what is claimed at once


class Claimer:
    """One of them; a context manager that ends it."""

    def __init__(self, name: str, database: Path, environ: Mapping[str, str]) -> None:
        self._name = name
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("claimer.py")),
                str(database),
                str(LEASE),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environ},
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()
        self.claimed: list[Claimed] = []
        self.settled: list[Settled] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()

    def tell(self, line: str) -> None:
        """Have it do something."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def wait_for(self, word: str) -> None:
        """Until it says so."""
        while True:
            said, *words = self._lines.get(timeout=PATIENCE).split()
            self._note(said, words)
            if said == word:
                return

    def stop(self) -> None:
        """SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    def _note(self, said: str, words: list[str]) -> None:
        if said == "claimed":
            event_id, fence, at = words
            self.claimed.append(Claimed(int(event_id), int(fence), float(at), self._name))
        if said == "settled":
            event_id, fence, began, at, is_accepted = words
            self.settled.append(
                Settled(
                    int(event_id), int(fence), float(began), float(at), self._name,
                    is_accepted == "True",
                )
            )  # fmt: skip

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)


def contend(
    database: Path, environ: Mapping[str, str] | None = None
) -> tuple[list[Claimed], list[Settled]]:
    """One claims and is stopped, the other does all the work, and the first goes on as if it had
    been a moment. What both have claimed, and settled."""
    with (
        Claimer("first", database, environ or {}) as first,
        Claimer("second", database, environ or {}) as second,
    ):
        first.wait_for("open")
        second.wait_for("open")  # who opens voids the claims of others: both, before there are any
        first.tell(f"accept {EVENTS}")
        first.wait_for("done")
        first.tell(f"work {SLOW}")
        first.wait_for("claimed")
        first.stop()
        second.tell(f"work {QUICK}")
        second.wait_for("done")
        first.go_on()
        first.wait_for("done")
        return first.claimed + second.claimed, first.settled + second.settled
