"""Reserved concurrency: what is reserved, what must stay, and what the data plane hears of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from lambdad.model.concurrency import UNCLAIMED, FunctionConcurrency
from lambdad.services.lambda_ import resume
from support.control_plane import ACCOUNT, REGION, Plane, refused

OpenPlane = Callable[[], Awaitable[Plane]]
KEY = (ACCOUNT, REGION, "echo")
LEAST = (
    "Specified ReservedConcurrentExecutions for function decreases account's "
    "UnreservedConcurrentExecution below its minimum value of [{}]."
)


async def reserve(plane: Plane, amount: int, name: str = "echo") -> dict[str, int]:
    return await plane(
        "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=amount
    )


async def reserved(plane: Plane) -> dict[str, int]:
    return await plane("GetFunctionConcurrency", FunctionName="echo")


def heard(plane: Plane) -> FunctionConcurrency | None:
    """What the data plane was told last about the function."""
    return plane.invoker.concurrency.get(KEY)


async def test_what_is_reserved_is_told_everywhere(plane: Plane) -> None:
    # Given
    await plane.create("echo")
    assert await reserved(plane) == {}
    # When
    assert await reserve(plane, 7) == {"ReservedConcurrentExecutions": 7}
    # Then
    assert await reserved(plane) == {"ReservedConcurrentExecutions": 7}
    found = await plane("GetFunction", FunctionName="echo")
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    assert heard(plane) == FunctionConcurrency(7)
    # And when it is not reserved any more
    assert await plane("DeleteFunctionConcurrency", FunctionName="echo") == {}
    assert await reserved(plane) == {}
    assert "Concurrency" not in await plane("GetFunction", FunctionName="echo")
    assert heard(plane) == UNCLAIMED


async def test_nothing_may_be_reserved_which_is_not_the_same_as_unset(plane: Plane) -> None:
    await plane.create("echo")
    await reserve(plane, 0)
    assert await reserved(plane) == {"ReservedConcurrentExecutions": 0}
    assert heard(plane) == FunctionConcurrency(0)


async def test_deleting_what_is_not_there_is_no_error(plane: Plane) -> None:
    await plane.create("echo")
    assert await plane("DeleteFunctionConcurrency", FunctionName="echo") == {}


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("PutFunctionConcurrency", {"ReservedConcurrentExecutions": 1}),
        ("GetFunctionConcurrency", {}),
        ("DeleteFunctionConcurrency", {}),
    ],
)
async def test_a_function_must_exist_and_be_unqualified(
    plane: Plane, operation: str, more: dict[str, int]
) -> None:
    await plane.create("echo")
    await refused(plane(operation, FunctionName="no", **more), "ResourceNotFoundException")
    await refused(plane(operation, FunctionName="echo:1", **more), "InvalidParameterValueException")


async def test_enough_must_stay_for_the_others(plane: Plane) -> None:
    # Given
    await plane.create("echo")
    await plane.create("other")
    await reserve(plane, 500, "other")
    # When
    await refused(reserve(plane, 401), "InvalidParameterValueException", LEAST.format(100))
    # Then
    assert await reserved(plane) == {}
    await reserve(plane, 400)
    await refused(reserve(plane, 401), "InvalidParameterValueException")
    await reserve(plane, 300)  # its own reservation does not count against it
    assert (await reserve(plane, 400))["ReservedConcurrentExecutions"] == 400


async def test_a_small_limit_leaves_less(plane: Plane) -> None:
    plane = replace(plane, control=replace(plane.control, concurrency=20))
    await plane.create("echo")
    await refused(reserve(plane, 19), "InvalidParameterValueException", LEAST.format(2))
    await reserve(plane, 18)


async def test_nothing_can_be_reserved_even_when_all_is_claimed(plane: Plane) -> None:
    await plane.create("echo")
    await plane.create("other")
    await reserve(plane, 900, "other")
    await reserve(plane, 0)


async def test_two_who_reserve_at_once_do_not_both_get_the_rest(plane: Plane) -> None:
    await plane.create("echo")
    await plane.create("other")
    outcomes = await asyncio.gather(
        reserve(plane, 600), reserve(plane, 600, "other"), return_exceptions=True
    )
    assert sum(isinstance(outcome, dict) for outcome in outcomes) == 1


async def test_a_change_of_the_function_keeps_what_is_reserved(plane: Plane) -> None:
    await plane.create("echo")
    await reserve(plane, 5)
    await plane.update(Timeout=9)
    assert await reserved(plane) == {"ReservedConcurrentExecutions": 5}


async def test_a_restart_tells_it_again(open_plane: OpenPlane) -> None:
    plane = await open_plane()
    await plane.create("echo")
    await reserve(plane, 0)
    plane = await open_plane()
    await resume(plane.control)
    assert heard(plane) == FunctionConcurrency(0)
    assert await reserved(plane) == {"ReservedConcurrentExecutions": 0}


async def test_a_deleted_function_claims_nothing(plane: Plane) -> None:
    await plane.create("echo")
    await plane.create("other")
    await reserve(plane, 900)
    await plane("DeleteFunction", FunctionName="echo")
    assert heard(plane) == UNCLAIMED
    await reserve(plane, 900, "other")
