"""The decorator that keeps the sandbox contract, around a kind that breaks it."""

from __future__ import annotations

import pytest

from lambdad.launcher.contract import Ended, Exit, Gauges, Order, Prepared, Sandbox
from lambdad.launcher.guarded import Guarded

ORDER = Order("e1", "python3.12", "000000000000", "code", 128, 512)


class Careless:
    """Sandboxes that say that they have ended as often as they are asked to."""

    name = "careless"

    def __init__(self) -> None:
        self.ended: list[Ended] = []
        self.kills = self.closes = 0
        self.failure: BaseException | None = None

    def prepare(self, runtime: str, account_id: str, prepared: Prepared) -> None:
        prepared(None)

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        if self.failure:
            raise self.failure
        self.ended.append(ended)
        return self

    def gauges(self) -> Gauges:
        return Gauges({"memory_peak": 7}, "q")

    def kill(self) -> None:
        self.kills += 1

    def close(self) -> None:
        self.closes += 1


@pytest.fixture
def careless() -> Careless:
    return Careless()


@pytest.fixture
def guarded(careless: Careless) -> Guarded:
    return Guarded(careless)


def test_ended_is_told_once(careless: Careless, guarded: Guarded) -> None:
    ends: list[Exit] = []
    guarded.start(ORDER, 0, 1, ends.append)
    careless.ended[0](Exit(9))
    careless.ended[0](Exit(0))
    assert ends == [Exit(9)]


def test_an_ended_sandbox_is_not_killed_and_has_no_gauges(
    careless: Careless, guarded: Guarded
) -> None:
    sandbox = guarded.start(ORDER, 0, 1, lambda how: None)
    assert sandbox.gauges().descriptors == {"memory_peak": 7}
    careless.ended[0](Exit(9))
    sandbox.kill()
    assert careless.kills == 0
    assert sandbox.gauges() == Gauges()


def test_an_identifier_is_free_again_after_the_end_and_after_a_failed_start(
    careless: Careless, guarded: Guarded
) -> None:
    careless.failure = OSError("no")
    with pytest.raises(OSError, match="no"):
        guarded.start(ORDER, 0, 1, lambda how: None)
    careless.failure = None
    guarded.start(ORDER, 0, 1, lambda how: None)
    with pytest.raises(OSError, match="has a sandbox already"):
        guarded.start(ORDER, 0, 1, lambda how: None)
    careless.ended[0](Exit(9))
    guarded.start(ORDER, 0, 1, lambda how: None)


def test_close_kills_what_runs_once_and_refuses_what_comes(
    careless: Careless, guarded: Guarded
) -> None:
    guarded.start(ORDER, 0, 1, lambda how: None)
    guarded.close()
    guarded.close()
    assert (careless.kills, careless.closes) == (1, 1)
    with pytest.raises(OSError, match="stopping"):
        guarded.start(ORDER, 0, 1, lambda how: None)
    with pytest.raises(OSError, match="stopping"):
        guarded.prepare("python3.12", "0", lambda problem: None)


def test_an_end_after_close_is_still_told(careless: Careless, guarded: Guarded) -> None:
    ends: list[Exit] = []
    guarded.start(ORDER, 0, 1, ends.append)
    guarded.close()
    careless.ended[0](Exit(9))
    assert ends == [Exit(9)]
