"""A handler that fails tells how, and is there for the next event."""

from __future__ import annotations

import json

import pytest
from language import Language

from support.functions import DeployedFunction

pytestmark = [pytest.mark.slow, pytest.mark.root]
MESSAGE = 'no "luck" for Zoë'


def test_an_error_has_its_type_and_message(function: DeployedFunction, language: Language) -> None:
    failed = function.invoke({"do": "fail", "message": MESSAGE})
    assert failed.error == "Unhandled"
    assert (failed.value["errorType"], failed.value["errorMessage"]) == (language.usual, MESSAGE)


def test_its_trace_says_where_it_came_from(function: DeployedFunction, language: Language) -> None:
    language.needs("stack traces")
    failed = function.invoke({"do": "fail", "message": MESSAGE}).value
    trace = failed["trace"] if "trace" in failed else failed["stackTrace"]
    assert "troublemaker" in json.dumps(trace)


def test_an_error_class_of_the_functions_own_keeps_its_name(
    function: DeployedFunction, language: Language
) -> None:
    failed = function.invoke({"do": "custom", "message": MESSAGE}).value
    assert (failed["errorType"], failed["errorMessage"]) == (language.own, MESSAGE)


def test_the_report_names_it(function: DeployedFunction) -> None:
    report = function.invoke({"do": "fail", "message": MESSAGE}).report
    assert report["Status"] == "error"
    assert report["Error Type"].startswith("Runtime.")


def test_the_environment_serves_on(function: DeployedFunction) -> None:
    before = function.call({"do": "count"})
    function.invoke({"do": "fail", "message": MESSAGE})
    after = function.invoke({"do": "count"})
    assert (after.value, after.is_cold) == (before + 2, False)
