"""The decorator that keeps the sandbox contract, around a kind that breaks it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from careless import ORDER, Careless

from lambdad.launcher.contract import Exit, Gauges, Sandbox
from lambdad.launcher.guarded import Guarded


@pytest.fixture
def careless() -> Careless:
    return Careless()


@pytest.fixture
def guarded(careless: Careless) -> Guarded:
    return Guarded(careless)


def ignore(how: Exit) -> None:
    pass


WHILE_IT_RUNS: dict[str, Callable[[Sandbox], object]] = {
    "kill": lambda sandbox: sandbox.kill(),
    "check_memory": lambda sandbox: sandbox.check_memory(),
    "freeze": lambda sandbox: sandbox.freeze(),
    "thaw": lambda sandbox: sandbox.thaw(),
}


def test_ended_is_told_once(careless: Careless, guarded: Guarded) -> None:
    ends: list[Exit] = []
    guarded.start(ORDER, 0, 1, ends.append)
    careless.end(9)
    careless.end(0)
    assert ends == [Exit(9)]


def test_ended_is_told_once_for_each_run(careless: Careless, guarded: Guarded) -> None:
    ends: list[Exit] = []
    sandbox = guarded.start(ORDER, 0, 1, ends.append)
    careless.end(9)
    sandbox.restart(2, 3)
    assert ends == [Exit(9)]
    careless.end(0)
    careless.end(1)
    assert ends == [Exit(9), Exit(0)]


@pytest.mark.parametrize("name", WHILE_IT_RUNS)
def test_what_concerns_processes_is_asked_only_while_there_are_some(
    careless: Careless, guarded: Guarded, name: str
) -> None:
    act = WHILE_IT_RUNS[name]
    # Given
    sandbox = guarded.start(ORDER, 0, 1, ignore)
    # When it runs, has ended, runs again, and is discarded
    act(sandbox)
    assert careless.asked == [name]
    careless.end(9)
    act(sandbox)
    assert careless.asked == [name]
    sandbox.restart(2, 3)
    act(sandbox)
    assert careless.asked == [name, "restart", name]
    careless.end(9)
    sandbox.discard()
    act(sandbox)
    # Then
    assert careless.asked == [name, "restart", name, "discard"]


def test_only_one_that_runs_uses_too_much_memory(careless: Careless, guarded: Guarded) -> None:
    sandbox = guarded.start(ORDER, 0, 1, ignore)
    assert sandbox.check_memory() is None
    careless.end(9)
    assert sandbox.check_memory() == 0


def test_an_ended_sandbox_has_no_gauges(careless: Careless, guarded: Guarded) -> None:
    sandbox = guarded.start(ORDER, 0, 1, ignore)
    assert sandbox.gauges().descriptors == {"memory_peak": 7}
    careless.end(9)
    assert sandbox.gauges() == Gauges()
    sandbox.restart(2, 3)
    assert sandbox.gauges().descriptors == {"memory_peak": 7}


def test_nothing_runs_again_that_has_not_ended(careless: Careless, guarded: Guarded) -> None:
    sandbox = guarded.start(ORDER, 0, 1, ignore)
    with pytest.raises(OSError, match="whose processes have ended"):
        sandbox.restart(2, 3)
    assert careless.asked == []


@pytest.mark.parametrize("ends_first", [True, False])
def test_nothing_runs_again_that_was_discarded(
    careless: Careless, guarded: Guarded, ends_first: bool
) -> None:
    # Given
    sandbox = guarded.start(ORDER, 0, 1, ignore)
    if ends_first:
        careless.end(9)
    sandbox.discard()
    if not ends_first:
        careless.end(9)
    # When, Then
    with pytest.raises(OSError, match="whose processes have ended"):
        sandbox.restart(2, 3)
    assert careless.asked == ["discard"]


def test_a_restart_that_the_machine_does_not_allow_may_be_tried_again(
    careless: Careless, guarded: Guarded
) -> None:
    # Given
    ends: list[Exit] = []
    sandbox = guarded.start(ORDER, 0, 1, ends.append)
    careless.end(9)
    careless.failure = OSError("no")
    # When
    with pytest.raises(OSError, match="no"):
        sandbox.restart(2, 3)
    sandbox.kill()  # there is nothing to kill
    # Then
    careless.failure = None
    sandbox.restart(2, 3)
    careless.end(0)
    assert ends == [Exit(9), Exit(0)]
    assert careless.asked == ["restart", "restart"]


def test_a_place_is_given_back_once(careless: Careless, guarded: Guarded) -> None:
    sandbox = guarded.start(ORDER, 0, 1, ignore)
    sandbox.discard()
    sandbox.discard()
    careless.end(9)
    sandbox.discard()
    assert careless.asked == ["discard"]


def test_the_end_of_what_is_discarded_is_told(careless: Careless, guarded: Guarded) -> None:
    ends: list[Exit] = []
    guarded.start(ORDER, 0, 1, ends.append).discard()
    assert ends == []
    careless.end(9)
    assert ends == [Exit(9)]


def test_an_identifier_is_free_after_a_start_that_failed(
    careless: Careless, guarded: Guarded
) -> None:
    careless.failure = OSError("no")
    with pytest.raises(OSError, match="no"):
        guarded.start(ORDER, 0, 1, ignore)
    careless.failure = None
    guarded.start(ORDER, 0, 1, ignore)


def test_a_start_that_failed_has_no_end(careless: Careless, guarded: Guarded) -> None:
    """It may be on its way to its end when it fails, and nobody was told of it."""
    ends: list[Exit] = []
    careless.failure = OSError("no")
    with pytest.raises(OSError, match="no"):
        guarded.start(ORDER, 0, 1, ends.append)
    careless.end(9)
    assert ends == []


def test_an_identifier_is_in_use_until_its_place_is_given_back(
    careless: Careless, guarded: Guarded
) -> None:
    # Given one that runs, that has ended, and that is on its way out
    sandbox = guarded.start(ORDER, 0, 1, ignore)
    with pytest.raises(OSError, match="has a sandbox already"):
        guarded.start(ORDER, 0, 1, ignore)
    careless.end(9)
    with pytest.raises(OSError, match="has a sandbox already"):
        guarded.start(ORDER, 0, 1, ignore)
    sandbox.restart(2, 3)
    sandbox.discard()
    with pytest.raises(OSError, match="has a sandbox already"):
        guarded.start(ORDER, 0, 1, ignore)
    # When
    careless.end(9)
    # Then
    guarded.start(ORDER, 0, 1, ignore)


def test_an_identifier_is_free_when_what_has_ended_is_discarded(
    careless: Careless, guarded: Guarded
) -> None:
    sandbox = guarded.start(ORDER, 0, 1, ignore)
    careless.end(9)
    sandbox.discard()
    guarded.start(ORDER, 0, 1, ignore)


def test_who_is_told_of_the_end_may_use_the_identifier_at_once(
    careless: Careless, guarded: Guarded
) -> None:
    sandbox = guarded.start(ORDER, 0, 1, lambda how: again())

    def again() -> None:
        guarded.start(ORDER, 0, 1, ignore)

    sandbox.discard()
    careless.end(9)


def test_close_discards_what_is_there_once_and_refuses_what_comes(
    careless: Careless, guarded: Guarded
) -> None:
    # Given one that runs and one that has ended
    guarded.start(ORDER, 0, 1, ignore)
    over = guarded.start(careless.another_order(), 0, 1, ignore)
    careless.end(9)
    # When
    guarded.close()
    guarded.close()
    # Then
    assert (careless.asked, careless.closes) == (["discard", "discard"], 1)
    with pytest.raises(OSError, match="stopping"):
        guarded.start(ORDER, 0, 1, ignore)
    with pytest.raises(OSError, match="stopping"):
        guarded.prepare("python3.12", "0", 128, lambda problem: None)
    with pytest.raises(OSError, match="stopping"):
        over.restart(2, 3)


def test_an_end_after_close_is_still_told(careless: Careless, guarded: Guarded) -> None:
    ends: list[Exit] = []
    guarded.start(ORDER, 0, 1, ends.append)
    guarded.close()
    careless.end(9)
    assert ends == [Exit(9)]
