"""Who claims how much of an account's concurrency."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.model.concurrency import (
    FunctionConcurrency,
    Provisioned,
    ProvisionedVersion,
    least_unreserved,
    provisioned_status,
)


@pytest.mark.parametrize(
    ("limit", "least"), [(1000, 100), (3000, 100), (999, 99), (400, 40), (10, 1), (9, 0), (1, 0)]
)
def test_a_hundred_stay_unreserved_and_a_tenth_of_a_small_limit(limit: int, least: int) -> None:
    assert least_unreserved(limit) == least


@pytest.mark.parametrize(
    ("reserved", "provisioned", "claimed"),
    [(None, (), 0), (None, (2, 3), 5), (7, (2, 3), 7), (0, (), 0)],
)
def test_what_is_provisioned_is_a_part_of_what_is_reserved(
    reserved: int | None, provisioned: tuple[int, ...], claimed: int
) -> None:
    version: Any = None
    versions = tuple(ProvisionedVersion(version, wanted) for wanted in provisioned)
    assert FunctionConcurrency(reserved, versions).claimed == claimed


@pytest.mark.parametrize(
    ("available", "failure", "status"),
    [
        (0, None, "IN_PROGRESS"),
        (1, None, "IN_PROGRESS"),
        (1, "X", "FAILED"),
        (2, None, "READY"),
        (2, "X", "READY"),
        (3, None, "READY"),
    ],
)
def test_status_says_how_far_it_is(available: int, failure: str | None, status: str) -> None:
    assert provisioned_status(2, Provisioned(available, failure)) == status
