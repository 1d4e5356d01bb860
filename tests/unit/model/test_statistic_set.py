"""Statistic sets: what they tell of the values they took in."""

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.statistic_set import StatisticSet, is_statistic, statistic_of, unpack_buckets

values_of_any_sign = st.lists(
    st.floats(-1e9, 1e9).filter(lambda value: value == 0 or abs(value) > 1e-9), min_size=1
)


def set_of(values: list[float]) -> StatisticSet:
    taken = StatisticSet()
    for value in values:
        taken.add(value)
    return taken


@given(values_of_any_sign)
def test_simple_statistics_are_exact(values: list[float]) -> None:
    taken = set_of(values)
    assert taken.statistic("SampleCount") == len(values)
    assert taken.statistic("Sum") == pytest.approx(math.fsum(values), abs=1e-3)
    assert taken.statistic("Minimum") == min(values)
    assert taken.statistic("Maximum") == max(values)


@given(values_of_any_sign, st.floats(0, 100))
def test_a_percentile_is_off_by_one_percent_at_most(values: list[float], percent: float) -> None:
    found = set_of(values).statistic(f"p{percent:.4f}")
    rank = len(values) * float(f"{percent:.4f}") / 100
    exact = sorted(values)[max(0, math.ceil(rank) - 1)]
    assert found == pytest.approx(exact, rel=0.0101)


@given(values_of_any_sign, values_of_any_sign)
def test_merging_is_the_same_as_taking_in_all(one: list[float], other: list[float]) -> None:
    merged = set_of(one)
    merged.merge(set_of(other))
    together = set_of(one + other)
    assert merged.buckets == together.buckets
    assert (merged.count, merged.minimum, merged.maximum) == (
        together.count,
        together.minimum,
        together.maximum,
    )


@given(values_of_any_sign)
def test_a_distribution_survives_packing(values: list[float]) -> None:
    taken = set_of(values)
    assert unpack_buckets(taken.packed_buckets()) == taken.buckets


def test_only_a_summary_has_no_percentiles() -> None:
    summary = StatisticSet(10, 100, 1, 20, None)
    assert summary.statistic("p50") is None
    assert summary.statistic("tm90") is None
    assert summary.statistic("Average") == 10
    assert StatisticSet(10, 50, 5, 5, None).statistic("p50") == 5


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tm90", statistics.mean(range(1, 91))),
        ("TM(10%:90%)", statistics.mean(range(11, 91))),
        ("TM(:50)", statistics.mean(range(1, 51))),
        ("tc90", 90),
        ("TC(50:80)", 30),
        ("ts90", sum(range(1, 91))),
        ("PR(:30)", 30),
        ("PR(90:)", 10),
        ("IQM", statistics.mean(range(26, 76))),
        ("wm90", (sum(range(1, 91)) + 10 * 90) / 100),
    ],
)
def test_extended_statistics_of_one_to_a_hundred(name: str, expected: float) -> None:
    found = set_of([float(value) for value in range(1, 101)]).statistic(name)
    assert found == pytest.approx(expected, rel=0.03, abs=1)


@pytest.mark.parametrize("name", ["median", "p101", "pp", "TM(1:2%)", "PR(1%:2%)", "TM(:)", ""])
def test_what_is_no_statistic_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no statistic"):
        statistic_of(name)


def test_the_names_of_statistics_are_known() -> None:
    assert all(is_statistic(name) for name in ("Sum", "p99.9", "tm99", "PR(:300)", "IQM"))
    assert not is_statistic("P99")
