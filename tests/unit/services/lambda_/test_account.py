"""GetAccountSettings: limits, and what is used of them."""

from __future__ import annotations

from dataclasses import replace

from support.control_plane import Plane

OPERATION = "GetAccountSettings"


async def test_an_empty_account_has_all_its_limits(plane: Plane) -> None:
    plane = replace(plane, control=replace(plane.control, concurrency=50))
    assert await plane(OPERATION) == {
        "AccountLimit": {
            "TotalCodeSize": 80530636800,
            "CodeSizeUnzipped": 262144000,
            "CodeSizeZipped": 52428800,
            "ConcurrentExecutions": 50,
            "UnreservedConcurrentExecutions": 50,
        },
        "AccountUsage": {"TotalCodeSize": 0, "FunctionCount": 0},
    }


async def test_every_function_and_version_counts(plane: Plane) -> None:
    # Given
    size = (await plane.create("echo"))["CodeSize"]
    await plane("PublishVersion", FunctionName="echo")
    await plane.create("other")
    # Then
    usage = (await plane(OPERATION))["AccountUsage"]
    assert usage == {"TotalCodeSize": 3 * size, "FunctionCount": 2}
    # And of another region or account nothing does
    for place in ({"region": "us-east-1"}, {"account_id": "210987654321"}):
        elsewhere = await plane(OPERATION, **place)
        assert elsewhere["AccountUsage"] == {"TotalCodeSize": 0, "FunctionCount": 0}


async def test_what_is_reserved_is_not_unreserved(plane: Plane) -> None:
    await plane.create("echo")
    await plane("PutFunctionConcurrency", FunctionName="echo", ReservedConcurrentExecutions=10)
    limits = (await plane(OPERATION))["AccountLimit"]
    assert limits["UnreservedConcurrentExecutions"] == 990


async def test_a_limit_that_was_lowered_leaves_nothing_but_never_less(plane: Plane) -> None:
    await plane.create("echo")
    await plane("PutFunctionConcurrency", FunctionName="echo", ReservedConcurrentExecutions=10)
    plane = replace(plane, control=replace(plane.control, concurrency=5))
    limits = (await plane(OPERATION))["AccountLimit"]
    assert limits["UnreservedConcurrentExecutions"] == 0
