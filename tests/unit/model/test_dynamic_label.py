"""What dynamic labels tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lambdad.model.dynamic_label import (
    Viewpoint,
    check_label,
    fill_label,
    is_dynamic,
    parse_timezone,
)
from lambdad.model.metric import Metric
from lambdad.model.metric_math.values import Origin, Series

NOON = int(datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp())
HERE = Viewpoint("111122223333", "eu-west-1", NOON + 90_061.9)
ERRORS = Origin(
    Metric(
        "111122223333", "eu-west-1", "AWS/Lambda", "Errors", (("FunctionName", "f"), ("a b", "c"))
    ),
    "p99",
)
SERIES = Series(
    "f Errors", 300, [NOON, NOON + 300, NOON + 600, NOON + 900], [3.0, 9.5, 1.0, 9.5], ERRORS
)
EMPTY = Series("f Errors", 300, [], [], ERRORS)


@pytest.mark.parametrize(
    ("label", "filled"),
    [
        ("Errors", "Errors"),
        ("", ""),
        ("${LABEL}", "f Errors"),
        ("[max: ${MAX}, min: ${MIN}] ${LABEL}!", "[max: 9.5, min: 1] f Errors!"),
        ("${SUM} ${AVG} ${DATAPOINT_COUNT}", "23 5.75 4"),
        ("${FIRST} ${LAST}", "3 9.5"),
        ("${MIN_MAX_RANGE} ${FIRST_LAST_RANGE}", "8.5 6.5"),
        ("${FIRST_TIME}", "2026-11-28T12:00:00+00:00"),
        ("${LAST_TIME}", "2026-11-28T12:15:00+00:00"),
        ("${MIN_TIME}", "2026-11-28T12:10:00+00:00"),
        ("${MAX_TIME}", "2026-11-28T12:05:00+00:00"),  # the first of both
        ("${FIRST_TIME_RELATIVE}", "1d 1h 1m 1s"),
        ("${LAST_TIME_RELATIVE}", "1d 46m 1s"),
        ("${MIN_TIME_RELATIVE} ${MAX_TIME_RELATIVE}", "1d 51m 1s 1d 56m 1s"),
        ("${FIRST_LAST_TIME_RANGE} ${MIN_MAX_TIME_RANGE}", "15m 5m"),
        ("${PROP('AccountId')} ${PROP('AccountLabel')}", "111122223333 111122223333"),
        ("${PROP('Namespace')} ${PROP('MetricName')}", "AWS/Lambda Errors"),
        ("${PROP('Period')} ${PROP('Region')} ${PROP('Stat')}", "300 eu-west-1 p99"),
        ("${PROP('Dim.FunctionName')} ${PROP('Dim.a b')}", "f c"),
        ("${PROP('Dim.functionname')}", "--"),
        ("$${MAX}}", "$9.5}"),
    ],
)
def test_a_label_is_filled_in(label: str, filled: str) -> None:
    assert fill_label(label, SERIES, HERE) == filled


@pytest.mark.parametrize(
    "label", ["${max}", "${MAX", "$MAX", "${ MAX }", "${NONE}", "${PROP('Unit')}", "${PROP(Stat)}"]
)
def test_what_is_not_dynamic_stays_as_it_is_written(label: str) -> None:
    assert not is_dynamic(label)
    assert fill_label(label, SERIES, HERE) == label


def test_of_no_values_nothing_but_their_number_is_told() -> None:
    label = "${MAX} ${SUM} ${LAST_TIME} ${FIRST_LAST_TIME_RANGE} ${DATAPOINT_COUNT} ${LABEL}"
    assert fill_label(label, EMPTY, HERE) == "-- -- -- -- 0 f Errors"


def test_what_is_computed_has_no_properties_of_a_metric() -> None:
    computed = Series("e1", 60, [NOON], [1.0])
    label = "${PROP('MetricName')} ${PROP('Dim.FunctionName')} ${PROP('Period')} ${PROP('Region')}"
    assert fill_label(label, computed, HERE) == "-- -- 60 eu-west-1"


def test_what_is_filled_in_is_not_read_again() -> None:
    series = Series("${MAX}", 60, [NOON], [1.0])
    assert fill_label("${LABEL}", series, HERE) == "${MAX}"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0.1 + 0.2, "0.3"),
        (-0.0, "0"),
        (1234567.25, "1234567.25"),
        (1e300, "1e+300"),
    ],
)
def test_numbers_are_told_plainly(value: float, told: str) -> None:
    assert fill_label("${LAST}", Series("", 60, [NOON], [value]), HERE) == told


def test_a_sum_beyond_all_numbers_is_not_told() -> None:
    assert fill_label("${SUM}", Series("", 60, [0, 60], [1.7e308, 1.7e308]), HERE) == "--"


def test_times_are_those_of_the_time_zone() -> None:
    there = Viewpoint("111122223333", "eu-west-1", NOON, parse_timezone("+0130"))
    assert fill_label("${FIRST_TIME}", SERIES, there) == "2026-11-28T13:30:00+01:30"
    assert fill_label("${FIRST_TIME_RELATIVE}", SERIES, there) == "0s"
    assert fill_label("${LAST_TIME_RELATIVE}", SERIES, there) == "15m"  # of what is to come


def test_a_time_of_no_year_is_not_told() -> None:
    there = Viewpoint("111122223333", "eu-west-1", NOON, parse_timezone("+2359"))
    last = int(datetime(9999, 12, 31, 23, tzinfo=UTC).timestamp())
    for at in (last, 10**15, 10**30, -(10**15)):
        assert fill_label("${LAST_TIME}", Series("", 60, [at], [1.0]), there) == "--"


def test_time_zones_are_hours_and_minutes() -> None:
    assert parse_timezone("-0800") == timezone(timedelta(hours=-8))
    assert parse_timezone("+0545") == timezone(timedelta(hours=5, minutes=45))
    for text in ("", "0100", "+1:30", "+01:30", "+2400", "+0160", "+01300", "Z", "+\u0660100"):
        with pytest.raises(ValueError, match="time zone"):
            parse_timezone(text)


def test_a_label_has_six_dynamic_values_and_its_own_label_once() -> None:
    check_label("${MAX}" * 6 + "${NONE}")
    with pytest.raises(ValueError, match="more than 6 dynamic values"):
        check_label("${MAX}" * 4 + "${PROP('Stat')}" * 3)
    with pytest.raises(ValueError, match="more than once"):
        check_label("${LABEL} ${LABEL}")
