"""What a function prints and logs is in the tail of the answer and in CloudWatch Logs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from language import Language

from support.functions import Answer, DeployedFunction
from support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.root]
LINES = ["first", "zweitens: ü€𝄞", " indented", "last"]


def test_printed_lines_arrive_in_order(function: DeployedFunction) -> None:
    answer = function.invoke({"do": "print", "lines": LINES})
    assert answer.value == "printed"
    printed = [line for line in answer.lines if line.endswith(tuple(LINES))]
    assert len(printed) == len(LINES), str(answer)
    for line, expected in zip(printed, LINES, strict=True):
        assert line.endswith(expected)


def test_what_is_printed_is_in_cloudwatch_logs(function: DeployedFunction) -> None:
    word = f"for {function.name}"
    assert function.call({"do": "print", "lines": [word]}) == "printed"
    wait_until(
        lambda: any(message.rstrip().endswith(word) for message in function.log_messages()),
        "the line is in CloudWatch Logs",
    )


def test_a_log_line_tells_its_level(function: DeployedFunction, language: Language) -> None:
    language.needs("levels")
    answer = function.invoke({"do": "log", "level": language.warning, "message": "careful"})
    (line,) = [line for line in answer.lines if "careful" in line]
    assert "WARN" in line.upper()


def test_a_log_line_tells_its_invocation(function: DeployedFunction, language: Language) -> None:
    language.needs("levels")
    language.needs("request ids in text")
    answer = function.invoke({"do": "log", "level": language.warning, "message": "careful"})
    (line,) = [line for line in answer.lines if "careful" in line]
    assert answer.request_id in line


def test_logs_in_json_have_level_and_request_id(
    structured_function: DeployedFunction, language: Language
) -> None:
    language.needs("levels")
    language.needs("structured logs")
    answer = structured_function.invoke(
        {"do": "log", "level": language.warning, "message": "careful"}
    )
    (line,) = _json_lines(answer)
    assert line["message"] == "careful"
    assert line["level"].upper().startswith("WARN")
    assert answer.request_id in line.values()
    assert "timestamp" in line


def test_lines_below_the_level_are_left_out(
    structured_function: DeployedFunction, language: Language
) -> None:
    language.needs("levels")
    answer = structured_function.invoke(
        {"do": "log", "level": language.information, "message": "nothing much"}
    )
    assert answer.value == "logged"
    assert _json_lines(answer) == []


def _json_lines(answer: Answer) -> list[dict[str, Any]]:
    """What the function logged; of the platform's own lines those that are JSON have a type."""
    lines = [json.loads(line) for line in answer.lines if line.startswith("{")]
    return [line for line in lines if not str(line.get("type", "")).startswith("platform.")]
