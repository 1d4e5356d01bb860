"""With `check_roles` a function has a role of its account that trusts Lambda."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from lambdad.model.iam.role import Role
from support.control_plane import ACCOUNT, ROLE, Plane, creation, refused
from support.identity import TRUSTING

CANNOT_BE_ASSUMED = "The role defined for the function cannot be assumed by Lambda."
CODE = "InvalidParameterValueException"


@pytest.fixture
async def strict(open_plane: Callable[[], Awaitable[Plane]]) -> Plane:
    """A control plane that checks roles, and knows the one that functions of tests have."""
    plane = await open_plane()
    role = Role(ACCOUNT, "lambda", "AROA1", 0, TRUSTING, path="/service-role/")
    await plane.control.resources.save(role)
    return replace(plane, control=replace(plane.control, check_roles=True))


async def test_a_role_that_trusts_lambda_will_do(strict: Plane) -> None:
    await strict.create()
    await strict.update(Role=ROLE)
    await strict.update(Timeout=9)


@pytest.mark.parametrize(
    "role",
    [
        ROLE.replace("lambda", "ghost"),
        ROLE.replace("service-role/", ""),
        ROLE.replace("lambda", "LAMBDA"),
        ROLE.replace("role/", "policy/"),
        "arn:aws:iam::nobody:role/x",
    ],
)
async def test_a_role_that_is_not_there_is_refused(strict: Plane, role: str) -> None:
    await refused(strict("CreateFunction", **creation(Role=role)), CODE, CANNOT_BE_ASSUMED)
    assert (await strict("ListFunctions"))["Functions"] == []
    await strict.create()
    update = strict("UpdateFunctionConfiguration", FunctionName="echo", Role=role)
    await refused(update, CODE, CANNOT_BE_ASSUMED)


async def test_a_role_that_trusts_somebody_else_is_refused(strict: Plane) -> None:
    trusting = TRUSTING.replace("lambda", "ec2")
    await strict.control.resources.save(
        Role(ACCOUNT, "lambda", "AROA1", 0, trusting, path="/service-role/")
    )
    await refused(strict("CreateFunction", **creation()), CODE, CANNOT_BE_ASSUMED)


async def test_a_role_of_another_account_is_refused(strict: Plane) -> None:
    role = ROLE.replace(ACCOUNT, "999999999999")
    await refused(
        strict("CreateFunction", **creation(Role=role)),
        "AccessDeniedException",
        "Cross-account pass role is not allowed.",
    )


async def test_nothing_is_checked_unless_it_is_wanted(plane: Plane) -> None:
    await plane.create(Role="arn:aws:iam::999999999999:role/ghost")
