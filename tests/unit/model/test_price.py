"""What AWS would have charged."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from lambdad.model.price import charges, parse_prices
from lambdad.model.usage import Usage, UsageKey

ONE: dict[str, Any] = {
    "request": 0.5,
    "duration": [{"up_to": 100, "price": 2}, {"price": 1}],
    "provisioned_duration": [{"price": 3}],
    "storage": 10,
}
TABLE = {"regions": {"*": {"x86_64": ONE, "arm64": ONE}}}


def key(function: str = "f", **changes: Any) -> UsageKey:
    told = {
        "account_id": "000000000000",
        "region": "us-east-1",
        "function_name": function,
        "version": "$LATEST",
        "day": "2026-11-28",
        "memory_mb": 1024,
        "ephemeral_storage_mb": 512,
        "architecture": "x86_64",
        "initialization_type": "on-demand",
    }
    return UsageKey(**{**told, **changes})


def used(seconds: float, invocations: int = 1) -> Usage:
    return Usage(invocations=invocations, billed_duration_ms=int(seconds * 1000))


def cost(entries: dict[UsageKey, Usage], table: dict[str, Any] = TABLE) -> dict[str, float]:
    return {name: each.cost for name, each in charges(entries, parse_prices(table)).items()}


def test_requests_and_the_seconds_of_memory_are_charged() -> None:
    assert cost({key(memory_mb=512): used(10, invocations=4)}) == {"f": 4 * 0.5 + 5 * 2}


def test_tiers_count_what_all_functions_of_a_month_used_together() -> None:
    found = cost({key("f"): used(100, 0), key("g"): used(100, 0)})
    assert found == pytest.approx({"f": 150, "g": 150})
    months = cost({key("f"): used(100, 0), key("g", day="2026-12-01"): used(100, 0)})
    assert months == pytest.approx({"f": 200, "g": 200})


def test_storage_above_what_is_free_is_charged() -> None:
    assert cost({key(ephemeral_storage_mb=1536): used(1, 0)}) == {"f": 2 + 10}


def test_provisioned_concurrency_has_prices_of_its_own() -> None:
    assert cost({key(initialization_type="provisioned-concurrency"): used(1, 0)}) == {"f": 3}


def test_a_region_may_have_prices_of_its_own() -> None:
    dear = {**ONE, "request": 7}
    table = {"regions": {**TABLE["regions"], "eu-central-1": {"x86_64": dear}}}
    assert cost({key(region="eu-central-1"): used(0)}, table) == {"f": 7}
    assert cost({key(): used(0)}, table) == {"f": 0.5}


def test_the_table_that_comes_along_can_be_read() -> None:
    table = json.loads(files("lambdad.model").joinpath("prices.json").read_text())
    assert cost({key(architecture="arm64"): used(1)}, table)["f"] == pytest.approx(0.0000135334)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"regions": {"*": {"x86_64": ONE}}}, "no prices of arm64"),
        ({"regions": {"us-east-1": TABLE["regions"]["*"]}}, "no prices of x86_64"),
        ({"regions": {"*": {"x86_64": {"request": 1}, "arm64": ONE}}}, "no table of prices"),
        ({"prices": {}}, "no table of prices"),
        ({"regions": {"*": {"x86_64": {**ONE, "duration": []}, "arm64": ONE}}}, "tiers"),
        (
            {"regions": {"*": {"x86_64": {**ONE, "duration": [{"up_to": 1, "price": 1}]}}}},
            "without end",
        ),
    ],
)
def test_a_table_that_cannot_work_is_refused(table: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_prices(table)
