"""Which metrics a SEARCH finds."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.model.metric_math.errors import ExpressionError
from lambdad.model.metric_math.evaluator import Known, evaluate
from lambdad.model.metric_math.parser import parse
from lambdad.model.metric_math.search import words_of
from lambdad.model.metric_math.search_parser import parse_search
from lambdad.model.metric_math.values import Series, Window

ERRORS: tuple[str, str, dict[str, str]] = ("AWS/Lambda", "Errors", {"FunctionName": "orders-api"})


@pytest.mark.parametrize(
    "query",
    [
        "{AWS/Lambda,FunctionName}",
        '{ "AWS/Lambda" , "FunctionName" } errors',
        "Errors",
        "lambda ERRORS orders",
        "errors AND api",
        "orders-api",
        "functionname",
        "name",
        '"orders-api"',
        "MetricName=Errors",
        'MetricName = "Errors" Namespace="AWS/Lambda"',
        "FunctionName=api",
        "FunctionName=(shop OR orders)",
        "Throttles OR Errors",
        "Errors NOT Throttles",
        "NOT NOT Errors",
        "(Throttles OR Errors) (shop OR orders)",
        "{AWS/Lambda,FunctionName} Throttles OR Errors",
    ],
)
def test_a_metric_is_found(query: str) -> None:
    assert parse_search(query, "Sum", 300).matches(*ERRORS)


@pytest.mark.parametrize(
    "query",
    [
        "{AWS/Lambda}",
        "{AWS/Lambda,FunctionName,Resource}",
        "{AWS/EC2,FunctionName} Errors OR orders",
        "Error",
        "order",
        '"errors"',
        '"orders"',
        "MetricName=orders",
        "Namespace=Errors",
        "InstanceId=orders",
        "FunctionName=(shop OR cart)",
        "Errors NOT api",
        "Errors Throttles",
    ],
)
def test_a_metric_is_not_found(query: str) -> None:
    assert not parse_search(query, "Sum", 300).matches(*ERRORS)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NetworkOutPackets", {"networkoutpackets", "network", "out", "packets"}),
        ("SDBFailure", {"sdbfailure", "sdb", "failure"}),
        ("Project2Trial333", {"project2trial333", "project", "2", "trial", "333"}),
        ("my_bucket-1", {"my", "bucket", "1"}),
    ],
)
def test_the_words_of_a_name(text: str, words: set[str]) -> None:
    assert words_of(text) == words


def test_an_expression_asks_for_what_it_searches_and_computes_with_what_was_found() -> None:
    # Given
    expression = parse("SUM(SEARCH('{AWS/Lambda,FunctionName} Errors', 'Sum', 60)) * 2")
    (search,) = expression.searches()
    assert (search.statistic, search.period) == ("Sum", 60)
    # When two series are found
    found = [Series("a", 60, [0], [1.0]), Series("b", 60, [0], [2.0])]
    result = evaluate(expression, Known(Window(0, 60, 60), {}, found={search: found}))
    # Then
    assert result == Series("a", 60, [0], [6.0])


def test_the_period_of_a_search_may_be_left_out() -> None:
    (search,) = parse("SEARCH('Errors', 'p99')").searches()
    assert (search.statistic, search.period) == ("p99", None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "SEARCH needs a search expression, a statistic and a period"),
        ("'a', 'Sum', 1.5", "The period of a SEARCH must be a whole number of seconds"),
        ("'', 'Sum', 60", "The search expression is empty"),
        ("'a OR', 'Sum'", "Unexpected end of the search expression"),
        ("'a )', 'Sum'", "Unexpected ')' in the search expression"),
        ("'{}', 'Sum'", "'{}' is not a namespace and names of dimensions"),
        ("'{a', 'Sum'", "Unexpected '{' in the search"),
        ("'--', 'Sum'", "'--' has no word to search for"),
        ("':aws.AccountId=1', 'Sum'", "Searches by :aws.AccountId are not supported here"),
        ("'" + "(" * 40 + "', 'Sum'", "The search is nested deeper than 32 levels"),
        ("'" + "a" * 1_025 + "', 'Sum'", "The search expression is longer than 1024 characters"),
    ],
)
def test_what_is_wrong_with_a_search_is_said(arguments: str, message: str) -> None:
    expression: Any = f"SEARCH({arguments})"
    with pytest.raises(ExpressionError) as caught:
        parse(expression)
    assert str(caught.value) == message
