"""Events come as they were sent, and answers go as they were given."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from language import Language

from support.functions import DeployedFunction

pytestmark = [pytest.mark.slow, pytest.mark.root]
LARGEST = 6_291_456  # of events, in bytes; answers may have 100 more
VALUES = (
    None, True, False, 0, -7, 2**53, 0.5, 1e-7, "", "ü€𝄞", 'quo"te\\\n\t/\u2028', [], {},
    [[], [None, [1, "a"]]], {"a": {"b": [True, {"ë": [None]}]}, "": "x"},
)  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=json.dumps)
def test_every_value_comes_back_unchanged(function: DeployedFunction, value: Any) -> None:
    assert function.call({"do": "echo", "value": value}) == value


def test_a_member_that_is_null_comes_back(function: DeployedFunction, language: Language) -> None:
    language.needs("members that are null")
    assert function.call({"do": "echo", "value": {"a": None, "b": {"c": None}}}) == {
        "a": None,
        "b": {"c": None},
    }


def test_text_that_is_not_escaped_is_read(function: DeployedFunction) -> None:
    event = json.dumps({"do": "echo", "value": "ü€𝄞"}, ensure_ascii=False).encode()
    assert function.invoke(payload=event).value == "ü€𝄞"


def test_the_largest_event_is_taken(function: DeployedFunction) -> None:
    room = LARGEST - len(json.dumps({"do": "size", "text": ""}))
    assert function.call({"do": "size", "text": "x" * room}) == room


def test_the_largest_answer_is_given(function: DeployedFunction) -> None:
    answer = function.invoke({"do": "big", "size": LARGEST - 2})
    assert answer.error is None, str(answer)
    assert len(answer.payload) == LARGEST


def test_an_answer_that_is_too_large_is_refused_and_the_next_one_given(
    function: DeployedFunction,
) -> None:
    refused = function.invoke({"do": "big", "size": LARGEST + 200})
    assert refused.value["errorType"] == "Function.ResponseSizeTooLarge", str(refused)
    assert function.call({"do": "big", "size": 3}) == "xxx"


def test_an_answer_that_cannot_be_json_fails(
    function: DeployedFunction, language: Language
) -> None:
    language.needs("answers that are no JSON")
    failed = function.invoke({"do": "unserializable"})
    assert failed.error == "Unhandled", str(failed)
    assert failed.value["errorType"] == language.unserializable


def test_an_environment_serves_one_invocation_after_another(function: DeployedFunction) -> None:
    first = function.call({"do": "count"})
    assert [function.call({"do": "count"}) for _ in range(3)] == [first + 1, first + 2, first + 3]


def test_five_at_once_have_five_environments(
    make_function: Callable[..., DeployedFunction], language: Language
) -> None:
    function = make_function(**language.settings())
    with ThreadPoolExecutor(5) as threads:
        answers = list(threads.map(function.invoke, [{"do": "sleep", "ms": 1000}] * 5))
    assert [answer.value for answer in answers] == ["slept"] * 5
    assert [answer.is_cold for answer in answers] == [True] * 5
