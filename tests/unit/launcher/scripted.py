"""Sandboxes that do what a test says, and remember what they were asked."""

from __future__ import annotations

import os
from collections.abc import Callable

from lambdad.launcher.contract import Ended, Exit, Gauges, Look, Looked, Order, Prepared, Sandbox

ORDER = Order("e1", "python3.12", "000000000000", "code", 128, 512)


class Scripted:
    """Starts nothing, until a test says how."""

    name = "scripted"

    def __init__(self) -> None:
        self.on_prepare: Callable[[Prepared], None] = lambda prepared: prepared(None)
        self.on_look: Callable[[str, Looked], None] = lambda path, looked: looked(Look(path, "s"))
        self.on_start: Callable[[Ended], Sandbox] | None = None
        self.on_close: Callable[[], None] = lambda: None
        self.closes = 0

    def prepare(self, runtime: str, account_id: str, memory_mb: int, prepared: Prepared) -> None:
        self.on_prepare(prepared)

    def look(self, directory: str, looked: Looked) -> None:
        self.on_look(directory, looked)

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        if self.on_start is None:
            raise OSError("no sandboxes today")
        return self.on_start(ended)

    def close(self) -> None:
        self.closes += 1
        self.on_close()


class QuietSandbox:
    """Does nothing by itself; `asked` tells what it was to do."""

    def __init__(self, ended: Ended = lambda how: None) -> None:
        self.ended = ended
        self.asked: list[str] = []
        self.is_over = False
        self.problem: OSError | None = None
        self.gauge_problem: OSError | None = None

    def end(self, status: int = 9) -> None:
        self.ended(Exit(status, False, 5))

    def gauges(self) -> Gauges:
        if self.gauge_problem:
            raise self.gauge_problem
        null = os.open("/dev/null", os.O_RDONLY)
        return Gauges({"memory_peak": null}, {"cpu_quota": "1447"})

    def kill(self) -> None:
        self.asked.append("kill")

    def check_memory(self) -> int | None:
        self.asked.append("check_memory")
        return None if self.is_over else 7

    def freeze(self) -> None:
        self.asked.append("freeze")

    def thaw(self) -> None:
        self.asked.append("thaw")

    def restart(self, channel: int, output: int) -> None:
        os.fstat(channel)
        os.fstat(output)
        self.asked.append("restart")
        if self.problem:
            raise self.problem

    def discard(self) -> None:
        self.asked.append("discard")
