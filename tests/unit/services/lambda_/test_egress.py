"""How far a function asks to reach, and what the operator lets it have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lambdad.services.lambda_.functions import Function
from support.control_plane import ACCOUNT, REGION, Plane, refused


def allowing(plane: Plane, most: str) -> Plane:
    return replace(plane, control=replace(plane.control, egress=most))


def asking(level: str) -> dict[str, Any]:
    return {"Environment": {"Variables": {"LAMBDAD_EGRESS": level}}}


async def test_a_function_asks_by_a_variable_and_its_version_keeps_that(plane: Plane) -> None:
    await allowing(plane, "host").create(**asking("internet"))
    function = plane.control.resources.find(Function, ACCOUNT, REGION, "echo")
    assert function is not None
    assert function.latest.egress == "internet"


@pytest.mark.parametrize("most", ["none", "internet"])
async def test_more_than_there_is_is_refused(plane: Plane, most: str) -> None:
    # Given
    plane = allowing(plane, most)
    await plane.create(**asking("none"))
    # Then
    for answer in (plane.create("other", **asking("host")), plane.update(**asking("host"))):
        error = await refused(answer, "InvalidParameterValueException")
        assert f"{most} at most" in error.message


async def test_what_is_no_egress_is_refused(plane: Plane) -> None:
    wrong = allowing(plane, "host").create(**asking("everything"))
    error = await refused(wrong, "InvalidParameterValueException")
    assert "one of none, internet, host" in error.message
