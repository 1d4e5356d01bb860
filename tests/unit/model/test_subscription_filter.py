"""The form in which a function gets the lines that it has subscribed to."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from lambdad.model.filter_pattern import parse_filter_pattern
from lambdad.model.log_line import LogLine, Position, StoredLine
from lambdad.model.subscription_filter import MAX_BATCH_SIZE, SubscriptionFilter, event_payloads

SUBSCRIPTION = SubscriptionFilter(
    *("000000000000", "us-east-1", "/app", "errors", "", "arn:aws:lambda:…"), 1, 0
)


def stored(number: int, message: str) -> StoredLine:
    return StoredLine(
        "stream-a", LogLine(1000 + number, message), 2000, Position(1000, 7, 0, number)
    )


def unpacked(payload: bytes) -> Any:
    packed = base64.b64decode(json.loads(payload)["awslogs"]["data"])
    return json.loads(gzip.decompress(packed))


def events(pattern: str, *lines: StoredLine) -> list[Any]:
    payloads = event_payloads(SUBSCRIPTION, parse_filter_pattern(pattern), lines)
    return [unpacked(payload) for payload in payloads]


def test_lines_are_packed_as_cloudwatch_packs_them() -> None:
    lines = [stored(0, "ERROR é"), stored(1, "INFO"), stored(2, "ERROR 2")]
    assert events("ERROR", *lines) == [
        {
            "messageType": "DATA_MESSAGE",
            "owner": "000000000000",
            "logGroup": "/app",
            "logStream": "stream-a",
            "subscriptionFilters": ["errors"],
            "logEvents": [
                {"id": lines[0].position.digits, "timestamp": 1000, "message": "ERROR é"},
                {"id": lines[2].position.digits, "timestamp": 1002, "message": "ERROR 2"},
            ],
        }
    ]


def test_without_a_match_there_is_no_event() -> None:
    assert events("ERROR", stored(0, "INFO")) == []


def test_the_columns_of_a_pattern_come_with_the_lines() -> None:
    ((event,),) = (
        each["logEvents"] for each in events("[level = ERROR, code]", stored(0, "ERROR 5"))
    )
    assert event["extractedFields"] == {"level": "ERROR", "code": "5"}


def test_lines_too_long_for_one_event_come_in_several() -> None:
    lines = [stored(number, "x" * (MAX_BATCH_SIZE * 2 // 5)) for number in range(5)]
    assert [len(each["logEvents"]) for each in events("", *lines)] == [2, 2, 1]


@pytest.mark.parametrize(("message", "count"), [("", 10_000), ("語", 8_000)])
def test_an_event_has_no_more_than_a_function_can_take(message: str, count: int) -> None:
    lines = [stored(number, message) for number in range(count)]
    payloads = list(event_payloads(SUBSCRIPTION, parse_filter_pattern(""), lines))
    assert sum(len(unpacked(payload)["logEvents"]) for payload in payloads) == count
    for payload in payloads:
        packed = base64.b64decode(json.loads(payload)["awslogs"]["data"])
        assert len(gzip.decompress(packed)) < MAX_BATCH_SIZE + 10_000
