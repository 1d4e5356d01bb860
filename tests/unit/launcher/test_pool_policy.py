"""Which pool key gets another sandbox that waits, and which loses one."""

from __future__ import annotations

import pytest

from lambdad.launcher.pool import (
    IN_USE_SECONDS,
    LEAST,
    Demand,
    PoolKey,
    choose_refill,
    choose_surplus,
)

A = PoolKey("python3.12", "000000000000")
B = PoolKey("python3.12", "111111111111")
C = PoolKey("python3.11", "000000000000")
LONG_AGO = IN_USE_SECONDS + 1


def demand(waiting: int, started: int = 0, idle: float = 0.0, size_mb: int = 1) -> Demand:
    return Demand(waiting, started, idle, size_mb=size_mb)


@pytest.mark.parametrize(
    ("started", "idle", "wanted"),
    [
        (0, 0.0, LEAST),
        (1, 0.0, LEAST),
        (LEAST, 0.0, LEAST),
        (7, 0.0, 7),
        (0, IN_USE_SECONDS, LEAST),
        (0, LONG_AGO, 0),
    ],
)
def test_so_many_are_wanted_as_were_started_lately(started: int, idle: float, wanted: int) -> None:
    assert demand(0, started, idle).wanted == wanted


@pytest.mark.parametrize(
    ("demands", "budget", "chosen"),
    [
        ({}, 8, None),
        ({A: demand(0)}, 8, A),
        ({A: demand(1)}, 8, A),
        ({A: demand(2)}, 8, None),
        ({A: demand(2, started=3)}, 8, A),
        ({A: demand(3, started=3)}, 8, None),
        ({A: demand(5, started=3)}, 8, None),
        # the largest share that is lacking
        ({A: demand(1), B: demand(0)}, 8, B),
        ({A: demand(0), B: demand(1)}, 8, A),
        ({A: demand(1), B: demand(3, started=4)}, 8, A),
        ({A: demand(1), B: demand(1, started=4)}, 8, B),
        ({A: demand(2), B: demand(2), C: demand(1)}, 8, C),
        # the budget
        ({A: demand(0)}, 0, None),
        ({A: demand(1)}, 1, None),
        ({A: demand(1), B: demand(0)}, 1, None),
        ({A: demand(1), B: demand(0)}, 2, B),
        ({A: demand(2, idle=LONG_AGO), B: demand(0)}, 2, None),
        ({A: demand(0, size_mb=9)}, 8, None),
        ({A: demand(0, size_mb=9), B: demand(1)}, 8, B),  # which fits
        ({A: demand(1, size_mb=4), B: demand(1)}, 5, None),
        # who is not used gets none
        ({A: demand(0, idle=LONG_AGO)}, 8, None),
        ({A: demand(0, idle=LONG_AGO), B: demand(1)}, 8, B),
    ],
)
def test_the_key_that_lacks_the_largest_share_gets_one(
    demands: dict[PoolKey, Demand], budget: int, chosen: PoolKey | None
) -> None:
    assert choose_refill(demands, budget) == chosen


@pytest.mark.parametrize(
    ("demands", "chosen"),
    [
        ({}, None),
        ({A: demand(2)}, None),
        ({A: demand(9)}, None),
        ({A: demand(0, idle=LONG_AGO)}, None),
        ({A: demand(1, idle=LONG_AGO)}, A),
        ({A: demand(2), B: demand(1, idle=LONG_AGO)}, B),
        ({A: demand(1, idle=IN_USE_SECONDS)}, None),
    ],
)
def test_a_key_that_nobody_uses_any_more_loses_what_waits(
    demands: dict[PoolKey, Demand], chosen: PoolKey | None
) -> None:
    assert choose_surplus(demands, 100) == chosen


@pytest.mark.parametrize(
    ("demands", "budget", "chosen"),
    [
        ({A: demand(9), B: demand(0)}, 10, None),  # there is room for B's
        ({A: demand(9), B: demand(0)}, 9, A),
        ({A: demand(2), B: demand(0)}, 2, None),  # nobody has more than enough
        ({A: demand(3), B: demand(9), C: demand(0)}, 12, B),
        ({A: demand(9), B: demand(2)}, 11, None),  # nobody lacks anything
        ({A: demand(9), B: demand(0, size_mb=4)}, 13, None),
        ({A: demand(9), B: demand(0, size_mb=5)}, 13, A),
    ],
)
def test_who_has_more_than_enough_makes_room_for_who_lacks_some(
    demands: dict[PoolKey, Demand], budget: int, chosen: PoolKey | None
) -> None:
    assert choose_surplus(demands, budget) == chosen


def test_nothing_is_made_of_a_kind_that_ends_by_itself() -> None:
    assert choose_refill({A: Demand(0, 1, 0.0, is_failing=True)}, 8) is None
