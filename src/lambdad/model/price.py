"""What AWS would have charged: POLICY from usage and a table of prices to amounts of money.

The table is JSON: prices by region and architecture, the region `*` being every other, with both
architectures. A price of duration has tiers: each holds up to so many GB-seconds of a month, the
last without end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lambdad.model.usage import Usage, UsageKey

PROVISIONED = "provisioned-concurrency"
FREE_STORAGE_MB = 512
ANY_REGION = "*"
ARCHITECTURES = ("x86_64", "arm64")

Tiers = tuple[tuple[float, float], ...]  # up to so many GB-seconds: price of each


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of one region and architecture, in US dollars."""

    request: float
    duration: Tiers
    provisioned_duration: Tiers
    storage: float  # of a GB-second of /tmp above 512 MB


@dataclass(slots=True)
class Charge:
    """What one function's usage comes to. `gb_seconds` are those of its memory."""

    usage: Usage = field(default_factory=Usage)
    gb_seconds: float = 0.0
    cost: float = 0.0  # US dollars


def gb_seconds(key: UsageKey, used: Usage) -> float:
    """Memory times billed duration."""
    return key.memory_mb / 1024 * used.billed_duration_ms / 1000


def parse_prices(table: Mapping[str, Any]) -> dict[tuple[str, str], Prices]:
    """The prices by region and architecture; ValueError says what is wrong with the table."""
    try:
        prices = {
            (region, architecture): Prices(
                float(prices["request"]),
                _tiers(prices["duration"]),
                _tiers(prices["provisioned_duration"]),
                float(prices["storage"]),
            )
            for region, architectures in table["regions"].items()
            for architecture, prices in architectures.items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"This is no table of prices: {error!r}") from None
    for architecture in ARCHITECTURES:
        if (ANY_REGION, architecture) not in prices:
            raise ValueError(f'The region "{ANY_REGION}" has no prices of {architecture}.')
    return prices


def charges(
    entries: Mapping[UsageKey, Usage], prices: Mapping[tuple[str, str], Prices]
) -> dict[str, Charge]:
    """What each function's usage would have cost. A month's tiers count what all functions of an
    architecture used together, so the price of a GB-second is the same for all of them."""
    rates = _rates(entries, prices)
    by_function: dict[str, Charge] = {}
    for key, used in entries.items():
        charge = by_function.setdefault(key.function_name, Charge())
        charge.usage.merge(used)
        amount = gb_seconds(key, used)
        charge.gb_seconds += amount
        its = _prices_of(key, prices)
        storage = max(0, key.ephemeral_storage_mb - FREE_STORAGE_MB) / 1024
        charge.cost += (
            used.invocations * its.request
            + amount * rates[_bill(key)]
            + storage * used.billed_duration_ms / 1000 * its.storage
        )
    return by_function


def _rates(
    entries: Mapping[UsageKey, Usage], prices: Mapping[tuple[str, str], Prices]
) -> dict[tuple[str, str, str], float]:
    """The price of a GB-second on each bill."""
    totals: dict[tuple[str, str, str], float] = defaultdict(float)
    tiers: dict[tuple[str, str, str], Tiers] = {}
    for key, used in entries.items():
        totals[_bill(key)] += gb_seconds(key, used)
        its = _prices_of(key, prices)
        is_provisioned = key.initialization_type == PROVISIONED
        tiers[_bill(key)] = its.provisioned_duration if is_provisioned else its.duration
    return {bill: _tiered(total, tiers[bill]) / (total or 1.0) for bill, total in totals.items()}


def _bill(key: UsageKey) -> tuple[str, str, str]:
    """What is added up before tiers are looked at: month, architecture, and kind."""
    kind = PROVISIONED if key.initialization_type == PROVISIONED else ""
    return key.day[:7], key.architecture, kind


def _tiered(amount: float, tiers: Tiers) -> float:
    cost, below = 0.0, 0.0
    for end, price in tiers:
        cost += max(0.0, min(amount, end) - below) * price
        below = end
    return cost


def _prices_of(key: UsageKey, prices: Mapping[tuple[str, str], Prices]) -> Prices:
    every_other = prices[ANY_REGION, key.architecture]
    return prices.get((key.region, key.architecture), every_other)


def _tiers(tiers: Sequence[Mapping[str, Any]]) -> Tiers:
    parsed = [(float(tier.get("up_to", "inf")), float(tier["price"])) for tier in tiers]
    if not parsed or parsed[-1][0] != float("inf") or parsed != sorted(parsed):
        raise ValueError("The tiers of a price must rise, and the last must be without end.")
    return tuple(parsed)
