"""Metrics as CloudWatch has them: what a series of values is, and at which grain it is kept."""

from __future__ import annotations

from typing import NamedTuple

Dimensions = tuple[tuple[str, str], ...]  # name and value, sorted by name

SECOND, MINUTE, FIVE_MINUTES, HOUR = 1, 60, 300, 3600
_DAY = 86_400

# For how many seconds values are kept in sets of so many seconds; coarser ones stay longer.
KEPT = {SECOND: 3 * HOUR, MINUTE: 15 * _DAY, FIVE_MINUTES: 63 * _DAY, HOUR: 455 * _DAY}


class Metric(NamedTuple):
    """What CloudWatch calls a metric: values of one name with the same dimensions."""

    account_id: str
    region: str
    namespace: str
    name: str
    dimensions: Dimensions = ()


def dimensions_of(pairs: dict[str, str]) -> Dimensions:
    """The dimensions in their order."""
    return tuple(sorted(pairs.items()))
