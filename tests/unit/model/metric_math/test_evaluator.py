"""What expressions are worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.evaluator import Known, evaluate, with_label
from lambdad.model.metric_math.order import order
from lambdad.model.metric_math.parser import parse
from lambdad.model.metric_math.values import Series, Value, Window

WINDOW = Window(0, 300, 60)


def series(points: Mapping[int, float], label: str = "m") -> Series:
    """Values by minute."""
    return Series(label, 60, [60 * each for each in points], [float(v) for v in points.values()])


M1 = series({0: 1, 1: 2, 2: 3}, "m1")
M2 = series({1: 10, 2: 20, 3: 30}, "m2")
EMPTY = series({}, "nothing")
VALUES: dict[str, Value] = {"m1": M1, "m2": M2, "m3": EMPTY, "e1": 7.0, "e2": [M2, M1, EMPTY]}
SIXTH = round(1 / 6, 9)
METRICS = ["m1", "m2", "m3"]


def value(text: str) -> Value:
    return evaluate(parse(text), Known(WINDOW, VALUES, METRICS))


def plain(result: Value) -> object:
    """Points by minute, and scalars as they are."""
    match result:
        case Series():
            return {time // 60: round(number, 9) for time, number in result.at().items()}
        case list():
            return [plain(each) for each in result]
    return round(result, 9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 2 - 3", 5),
        ("2 ^ 3 ^ 2", 512),
        ("-2 ^ 2", -4),
        ("2 ^ -1", 0.5),
        ("--5", 5),
        ("7 % 4", 3),
        ("1 < 2 == 1", 1),
        ("1 > 2 || 3 > 2 && 0", 0),
        ("0 OR 2 AND 3", 1),
        (".5 + 1e1", 10.5),
        ("e1 * 2", 14),
        # A series and a scalar: every point.
        ("m1 * 2", {0: 2, 1: 4, 2: 6}),
        ("-m1", {0: -1, 1: -2, 2: -3}),
        ("12 / m1", {0: 12, 1: 6, 2: 4}),
        ("m1 >= 2", {0: 0, 1: 1, 2: 1}),
        # Two series: arithmetic where both have a point, comparisons where one has.
        ("m1 + m2", {1: 12, 2: 23}),
        ("m1 < m2", {0: 0, 1: 1, 2: 1, 3: 1}),
        ("m1 && m2", {0: 0, 1: 1, 2: 1, 3: 0}),
        # Arrays: every series of them.
        ("[m1, m2] * 10", [{0: 10, 1: 20, 2: 30}, {1: 100, 2: 200, 3: 300}]),
        ("m1 - [m1, m2]", [{0: 0, 1: 0, 2: 0}, {1: -8, 2: -17}]),
        ("SUM(100/[m1, m2])", {0: 100, 1: 60, 2: round(100 / 3 + 5, 9), 3: round(100 / 30, 9)}),
        # What is no number is no point.
        ("1 / (m1 - 2)", {0: -1, 2: 1}),
        ("LOG10(m1 - 1)", {1: 0, 2: round(math.log10(2), 9)}),
        ("(m1 - 2) ^ 0.5", {1: 0, 2: 1}),
        ("m1 / (1 / 0)", {}),
    ],
)
def test_operators(text: str, expected: object) -> None:
    assert plain(value(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ABS(-m1)", {0: 1, 1: 2, 2: 3}),
        ("CEIL(m1 / 2)", {0: 1, 1: 1, 2: 2}),
        ("FLOOR([m1] / 2)", [{0: 0, 1: 1, 2: 1}]),
        ("LOG(m1 / m1)", {0: 0, 1: 0, 2: 0}),
        # Of one series a scalar, of an array a series.
        ("AVG(m1)", 2),
        ("SUM(m1) / DATAPOINT_COUNT(m1)", 2),
        ("MAX(m2)", 30),
        ("MIN(m2)", 10),
        ("STDDEV(m1)", round(math.sqrt(2 / 3), 9)),
        ("SUM(m3)", 0),
        ("AVG([m1, m2])", {0: 1, 1: 6, 2: 11.5, 3: 30}),
        ("MAX(METRICS())", {0: 1, 1: 10, 2: 20, 3: 30}),
        ("DATAPOINT_COUNT(METRICS())", {0: 1, 1: 2, 2: 2, 3: 1}),
        ("SUM([m1, m1])", {0: 2, 1: 4, 2: 6}),
        ('METRICS("2")', [{1: 10, 2: 20, 3: 30}]),
        ("METRIC_COUNT(METRICS())", 3),
        # One point after the other.
        ("DIFF(m2)", {2: 10, 3: 10}),
        ("DIFF_TIME(m2)", {2: 60, 3: 60}),
        ("RATE(m2)", {2: SIXTH, 3: SIXTH}),
        ("RATE([m2])", [{2: SIXTH, 3: SIXTH}]),
        ("RUNNING_SUM(m1)", {0: 1, 1: 3, 2: 6}),
        ("PERIOD(m1)", 60),
        ("TIME_SERIES(SUM(m1))", {0: 6, 1: 6, 2: 6, 3: 6, 4: 6}),
        # Filling.
        ("FILL(m2, 0)", {0: 0, 1: 10, 2: 20, 3: 30, 4: 0}),
        ("FILL(m2, REPEAT)", {1: 10, 2: 20, 3: 30, 4: 30}),
        ("FILL(IF(m2 != 20, m2), LINEAR)", {1: 10, 2: 20, 3: 30}),
        ("FILL(m1, m2)", {0: 1, 1: 2, 2: 3, 3: 30}),
        ("FILL(m2, MIN(m2))", {0: 10, 1: 10, 2: 20, 3: 30, 4: 10}),
        ("FILL([m3], 5)", [{0: 5, 1: 5, 2: 5, 3: 5, 4: 5}]),
        # Conditions.
        ("IF(m1 > 1, m1, 0)", {0: 0, 1: 2, 2: 3}),
        ("IF(m1 > 1, m1)", {1: 2, 2: 3}),
        ("IF(m1 > 1, m2, m1)", {0: 1, 1: 10, 2: 20}),
        ("IF(m1, 1, 2)", {0: 1, 1: 1, 2: 1}),
        ("IF(1 > 2, m1, m2)", {1: 10, 2: 20, 3: 30}),
        ("IF(2 > 1, 5, m2)", 5),
        ("IF(0, 5)", {}),
        ("IF([m1, m2] > 2, 1, 0)", [{0: 0, 1: 0, 2: 1}, {1: 1, 2: 1, 3: 1}]),
        # Arrays.
        ("FIRST(e2)", {1: 10, 2: 20, 3: 30}),
        ("LAST(SORT(e2, MAX, DESC))", {}),
        ("SORT(e2, AVG, ASC)", [{0: 1, 1: 2, 2: 3}, {1: 10, 2: 20, 3: 30}, {}]),
        ("SORT(e2, SUM, DESC, 1)", [{1: 10, 2: 20, 3: 30}]),
        ("SLICE(e2, 1)", [{0: 1, 1: 2, 2: 3}, {}]),
        ("SLICE(e2, 0, 1)", [{1: 10, 2: 20, 3: 30}]),
        ("METRIC_COUNT(REMOVE_EMPTY(e2))", 2),
        ("FIRST(REMOVE_EMPTY([m3]))", {}),
    ],
)
def test_functions(text: str, expected: object) -> None:
    assert plain(value(text)) == expected


def test_the_time_of_each_place_is_told_in_utc() -> None:
    # Given a window from Saturday, 2026-11-28 02:10 to 02:12
    start = 1_795_831_800
    known = Known(Window(start, start + 120, 60), {"m1": Series("m1", 60, [], [])}, ["m1"])

    def told(name: str) -> object:
        result = evaluate(parse(f"{name}(m1)"), known)
        assert isinstance(result, Series)
        return result.values

    assert told("MINUTE") == [10, 11]
    assert told("HOUR") == [2, 2]
    assert told("DAY") == [6, 6]
    assert told("DATE") == [28, 28]
    assert told("MONTH") == [11, 11]
    assert told("YEAR") == [2026, 2026]
    assert told("EPOCH") == [start, start + 60]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Unexpected end of the expression"),
        ("m1 +", "Unexpected end of the expression"),
        ("m1 m2", "Unexpected 'm2' at position 4"),
        ("m1 ? 2", "Unexpected '?' at position 4"),
        ("(m1", "Unexpected end of the expression"),
        ("'m1'", "'m1' is not an expression"),
        ("REPEAT + 1", "Unexpected 'REPEAT'"),
        ("m9", "Unknown id 'm9'"),
        ("NOTHING(m1)", "Unknown function NOTHING"),
        ("AVG(m1, m2)", "The function AVG takes 1 argument(s), not 2"),
        ("IF(m1)", "The function IF takes 2 to 3 argument(s), not 1"),
        ("METRICS(m1)", "METRICS takes nothing, or a part of the metrics' ids"),
        ("PERIOD(5)", "The function PERIOD does not take a Scalar"),
        ("AVG(5)", "The function AVG does not take a Scalar"),
        ("FIRST(m1)", "The function FIRST does not take a TimeSeries"),
        ("FILL(m1, ZERO)", "FILL takes a value, a TimeSeries, REPEAT or LINEAR"),
        ("SORT(e2, MEDIAN, ASC)", "SORT sorts by AVG, DATAPOINT_COUNT, MAX, MIN, STDDEV, SUM"),
        ("SORT(e2, MAX, UP)", "SORT sorts in the order ASC or DESC"),
        ("SLICE(e2, -1)", "A place in an array must be a whole number, 0 or more"),
        ("[m1, 5]", "An array takes a TimeSeries, not a Scalar"),
        ("IF([m1], [m2])", "IF takes only one Array[TimeSeries]"),
        (
            "[m1] + [m2]",
            "Unsupported operand type(s) for +: 'Array[TimeSeries]' and 'Array[TimeSeries]'",
        ),
        (
            "ANOMALY_DETECTION_BAND(m1)",
            "The function ANOMALY_DETECTION_BAND is not supported here",
        ),
        ("LAMBDA('f', m1)", "The function LAMBDA is not supported here"),
        (
            "SELECT AVG(CPU) FROM x",
            "Metrics Insights queries (SELECT) are not supported here",
        ),
        ("1+" * 1_024 + "1", "The expression is longer than 2048 characters"),
        ("(" * 40 + "1" + ")" * 40, "The expression is nested deeper than 32 levels"),
        ("2^" * 40 + "2", "The expression is nested deeper than 32 levels"),
        ("[" + "e2," * 400 + "m1]", "An array has more than 1000 time series"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        value(text)
    assert str(caught.value) == message
    assert caught.value.told_of("e9") == f"Error in expression 'e9': {message}"


def test_a_long_expression_is_not_a_deep_one() -> None:
    assert value("+".join(["1"] * 1_000)) == 1_000
    assert value("-" * 2_000 + "1") == 1


def test_the_longer_period_is_that_of_the_result() -> None:
    values: dict[str, Value] = {"m1": M1, "m2": Series("m2", 120, [0, 120], [1.0, 1.0])}
    result = evaluate(parse("m1 + m2"), Known(WINDOW, values))
    assert isinstance(result, Series)
    assert (result.period, plain(result)) == (120, {0: 2, 2: 4})


def test_expressions_are_computed_after_those_that_they_name() -> None:
    texts = {"e3": "e2 + m1", "e1": "m1 * 2", "e2": "e1 + 1"}
    expressions = {id: parse(text) for id, text in texts.items()}
    assert order(expressions, ["m1"]) == ["e1", "e2", "e3"]


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"e1": "e1"}, "Error in expression 'e1': The expression refers to itself: e1 -> e1"),
        (
            {"e1": "e2 + 1", "e2": "e1"},
            "Error in expression 'e1': The expression refers to itself: e1 -> e2 -> e1",
        ),
        ({"e1": "m9"}, "Error in expression 'e1': Unknown id 'm9'"),
    ],
)
def test_circles_and_unknown_ids_are_found(texts: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match="Error in expression") as caught:
        order({id: parse(text) for id, text in texts.items()}, ["m1"])
    assert str(caught.value) == message


def test_a_result_has_the_label_of_its_query_and_an_array_those_of_its_series() -> None:
    one, many = value("m1 + 1"), value("e2 * 2")
    assert isinstance(one, Series)
    assert isinstance(many, list)

    def labels(array: Value) -> list[str]:
        assert isinstance(array, list)
        return [each.label for each in array]

    assert one.label == "m1"
    assert with_label(one, "e1", is_given=False) == replace(one, label="e1")
    assert labels(with_label(many, "e1", is_given=False)) == ["m2", "m1", "nothing"]
    assert labels(with_label(many, "Mine", is_given=True)) == ["Mine m2", "Mine m1", "Mine nothing"]
