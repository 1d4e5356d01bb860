"""Sandboxes that do not care for the contract."""

from __future__ import annotations

from dataclasses import replace

from lambdad.launcher.contract import Ended, Exit, Gauges, Look, Looked, Order, Prepared, Sandbox

ORDER = Order("e1", "python3.12", "000000000000", "code", 128, 512)


class Careless:
    """Says that the last one started has ended as often as it is asked to."""

    name = "careless"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.closes = 0
        self.failure: BaseException | None = None
        self._ended: list[Ended] = []

    def end(self, status: int) -> None:
        self._ended[-1](Exit(status))

    def another_order(self) -> Order:
        return replace(ORDER, environment_id=f"e{len(self._ended) + 1}")

    # Sandboxes

    def prepare(self, runtime: str, account_id: str, memory_mb: int, prepared: Prepared) -> None:
        prepared(None)

    def look(self, directory: str, looked: Looked) -> None:
        looked(Look(directory, "s"))

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        self._ended.append(ended)
        if self.failure:
            raise self.failure
        return self

    def close(self) -> None:
        self.closes += 1

    # Sandbox

    def gauges(self) -> Gauges:
        return Gauges({"memory_peak": 7}, {})

    def kill(self) -> None:
        self.asked.append("kill")

    def check_memory(self) -> int | None:
        self.asked.append("check_memory")
        return None

    def freeze(self) -> None:
        self.asked.append("freeze")

    def thaw(self) -> None:
        self.asked.append("thaw")

    def restart(self, channel: int, output: int) -> None:
        self.asked.append("restart")
        if self.failure:
            raise self.failure

    def discard(self) -> None:
        self.asked.append("discard")
