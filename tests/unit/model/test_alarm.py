"""The states of metric alarms, after the tables of CloudWatch's documentation."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lambdad.model.alarm import evaluate
from lambdad.model.alarm_evidence import Datapoint, Watch, check_comparison
from lambdad.model.alarm_reason import java_double

END = 1_795_831_860  # 2026-11-28 02:11:00
WATCH = Watch(60, "GreaterThanThreshold", 1.0, statistic="Sum")
THREE = replace(WATCH, evaluation_periods=3)
TWO_OF_THREE = replace(THREE, datapoints_to_alarm=2)
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def datapoints(picture: str) -> list[Datapoint]:
    """`0 - X`: one that does not breach, none, one that breaches; the latest stands last."""
    values = {"0": 0.0, "X": 5.0}
    marks = picture.split()
    return [
        Datapoint(END - 60 * (len(marks) - place), values[mark])
        for place, mark in enumerate(marks)
        if mark != "-"
    ]


def state(watch: Watch, picture: str) -> str | None:
    verdict = evaluate(watch, datapoints(picture), end=END, now=END + 1)
    return None if verdict is None else str(verdict.state)


def reason(watch: Watch, picture: str) -> str:
    verdict = evaluate(watch, datapoints(picture), end=END, now=END + 1)
    assert verdict is not None
    return verdict.reason


ALL_OK, ALL_ALARM = ["OK"] * 4, ["ALARM"] * 4


@pytest.mark.parametrize(
    ("watch", "picture", "states"),
    [
        (THREE, "0 - X - X", ALL_OK),
        (THREE, "0 - - - -", ALL_OK),
        (THREE, "- - - - -", ["INSUFFICIENT_DATA", None, "ALARM", "OK"]),
        (THREE, "0 X X - X", ALL_ALARM),
        (THREE, "- - X - -", ["ALARM", None, "ALARM", "OK"]),
        (TWO_OF_THREE, "0 - X - X", ALL_ALARM),
        (TWO_OF_THREE, "0 0 X 0 X", ALL_ALARM),
        (TWO_OF_THREE, "0 - X - -", ["OK", "OK", "ALARM", "OK"]),
        (TWO_OF_THREE, "- - - - 0", ["OK", "OK", "ALARM", "OK"]),
        (TWO_OF_THREE, "- - - X -", ["ALARM", None, "ALARM", "OK"]),
        # Too early: what comes next may not breach.
        (THREE, "- - - - X", [None, None, "ALARM", "OK"]),
        (THREE, "- - - X -", [None, None, "ALARM", "OK"]),
        # One of one: the last value counts a while longer.
        (WATCH, "- - X", ALL_ALARM),
        (WATCH, "X - -", ALL_ALARM),
        (WATCH, "X 0 -", ALL_OK),
        (WATCH, "X - - -", ["INSUFFICIENT_DATA", None, "ALARM", "OK"]),
    ],
)
def test_missing_data_is_treated_as_the_alarm_says(
    watch: Watch, picture: str, states: list[str | None]
) -> None:
    treated = [replace(watch, treat_missing_data=treatment) for treatment in TREATMENTS]
    assert [state(each, picture) for each in treated] == states


@pytest.mark.parametrize(
    ("comparison", "states"),
    [
        ("GreaterThanThreshold", ["OK", "OK", "ALARM"]),
        ("GreaterThanOrEqualToThreshold", ["OK", "ALARM", "ALARM"]),
        ("LessThanThreshold", ["ALARM", "OK", "OK"]),
        ("LessThanOrEqualToThreshold", ["ALARM", "ALARM", "OK"]),
    ],
)
def test_a_value_is_compared_with_the_threshold(comparison: str, states: list[str]) -> None:
    watch = replace(WATCH, comparison_operator=comparison)
    verdicts = [
        evaluate(watch, [Datapoint(END - 60, value)], end=END, now=END) for value in (0.0, 1.0, 2.0)
    ]
    assert [each.state for each in verdicts if each] == states


def test_operators_of_anomaly_detection_are_refused_by_name() -> None:
    check_comparison("LessThanThreshold")
    with pytest.raises(ValueError, match="GreaterThanUpperThreshold needs an anomaly detection"):
        check_comparison("GreaterThanUpperThreshold")


@pytest.mark.parametrize(
    ("statistic", "samples", "is_judged"),
    [
        ("p99", 999, False),
        ("p99", 1_000, True),
        ("p50", 19, False),
        ("p50", 20, True),
        ("p10", 99, False),
        ("p10", 100, True),
        ("Average", 1, True),
    ],
)
def test_a_percentile_of_too_few_samples_changes_nothing(
    statistic: str, samples: int, is_judged: bool
) -> None:
    watch = replace(WATCH, statistic=statistic, ignores_low_samples=True)
    found = [Datapoint(END - 60, 5.0, samples)]
    assert (evaluate(watch, found, end=END, now=END) is not None) is is_judged
    assert evaluate(replace(watch, ignores_low_samples=False), found, end=END, now=END) is not None


@pytest.mark.parametrize(
    ("watch", "picture", "expected"),
    [
        (
            WATCH,
            "X",
            "Threshold Crossed: 1 out of the last 1 datapoints [5.0 (28/11/26 02:10:00)] was "
            "greater than the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            TWO_OF_THREE,
            "X 0 X",
            "Threshold Crossed: 2 out of the last 3 datapoints [5.0 (28/11/26 02:10:00), 5.0 "
            "(28/11/26 02:08:00)] were greater than the threshold (1.0) (minimum 2 datapoints for "
            "OK -> ALARM transition).",
        ),
        (
            WATCH,
            "0",
            "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (28/11/26 02:10:00)] was not "
            "greater than the threshold (1.0) (minimum 1 datapoint for ALARM -> OK transition).",
        ),
        (
            replace(WATCH, evaluation_periods=6),
            "X X X X X X",
            "Threshold Crossed: 6 out of the last 6 datapoints were greater than the threshold "
            "(1.0). The most recent datapoints which crossed the threshold: [5.0 (28/11/26 "
            "02:10:00), 5.0 (28/11/26 02:09:00), 5.0 (28/11/26 02:08:00), 5.0 (28/11/26 02:07:00), "
            "5.0 (28/11/26 02:06:00)] (minimum 6 datapoints for OK -> ALARM transition).",
        ),
        (
            replace(WATCH, treat_missing_data="breaching"),
            "-",
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint "
            "was treated as [Breaching].",
        ),
        (
            replace(THREE, treat_missing_data="notBreaching"),
            "-",
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints "
            "were treated as [NonBreaching].",
        ),
        (
            replace(THREE, treat_missing_data="breaching"),
            "X",
            "Threshold Crossed: 1 datapoint [5.0 (28/11/26 02:10:00)] was greater than the "
            "threshold (1.0) and 2 missing datapoints were treated as [Breaching].",
        ),
        (WATCH, "-", "Insufficient Data: 1 datapoint was unknown."),
        (THREE, "-", "Insufficient Data: 3 datapoints were unknown."),
    ],
)
def test_the_reason_is_told_in_the_words_of_cloudwatch(
    watch: Watch, picture: str, expected: str
) -> None:
    assert reason(watch, picture) == expected


def test_the_reason_is_told_as_json() -> None:
    found = [Datapoint(END - 60, 5.0, 2.0), Datapoint(END - 120, 0.5, 1.0)]
    watch = replace(WATCH, evaluation_periods=2, datapoints_to_alarm=1, unit="Count")
    verdict = evaluate(watch, found, end=END, now=END + 1.25)
    assert verdict is not None
    assert list(json.loads(verdict.reason_data).items()) == [
        ("version", "1.0"),
        ("queryDate", "2026-11-28T02:11:01.250+0000"),
        ("startDate", "2026-11-28T02:09:00.000+0000"),
        ("unit", "Count"),
        ("statistic", "Sum"),
        ("period", 60),
        ("recentDatapoints", [0.5, 5.0]),
        ("threshold", 1.0),
        (
            "evaluatedDatapoints",
            [
                {"timestamp": "2026-11-28T02:10:00.000+0000", "sampleCount": 2.0, "value": 5.0},
                {"timestamp": "2026-11-28T02:09:00.000+0000", "sampleCount": 1.0, "value": 0.5},
            ],
        ),
    ]


def test_missing_datapoints_have_no_value_in_the_json() -> None:
    verdict = evaluate(replace(WATCH, statistic=None), [], end=END, now=END)
    assert verdict is not None
    assert json.loads(verdict.reason_data) == {
        "version": "1.0",
        "queryDate": "2026-11-28T02:11:00.000+0000",
        "period": 60,
        "recentDatapoints": [],
        "threshold": 1.0,
        "evaluatedDatapoints": [{"timestamp": "2026-11-28T02:10:00.000+0000"}],
    }


def test_reasons_of_many_datapoints_fit_into_their_fields() -> None:
    watch = replace(WATCH, evaluation_periods=1_440)
    found = [Datapoint(END - 60 * each, 1 + 1 / 3, 123_456.0) for each in range(1, 1_441)]
    verdict = evaluate(watch, found, end=END, now=END)
    assert verdict is not None
    assert len(verdict.reason) <= 1_023
    assert len(verdict.reason_data) <= 4_000


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0.0"),
        (5, "5.0"),
        (-0.25, "-0.25"),
        (0.001, "0.001"),
        (0.0001, "1.0E-4"),
        (9_999_999, "9999999.0"),
        (1e7, "1.0E7"),
        (-12_345_678.5, "-1.23456785E7"),
    ],
)
def test_numbers_look_as_java_prints_them(number: float, text: str) -> None:
    assert java_double(number) == text
