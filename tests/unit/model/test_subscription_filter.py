"""The form in which a function gets the lines that it has subscribed to."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from lambdad.model.filter_pattern import parse_filter_pattern
from lambdad.model.log_line import LogLine, Position, StoredLine
from lambdad.model.subscription_filter import SubscriptionFilter, chosen_events, event_payload

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


def test_lines_are_packed_as_cloudwatch_packs_them() -> None:
    lines = [stored(0, "ERROR é"), stored(1, "INFO"), stored(2, "ERROR 2")]
    events = chosen_events(parse_filter_pattern("ERROR"), lines)
    assert unpacked(event_payload(SUBSCRIPTION, events)) == {
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


def test_the_columns_of_a_pattern_come_with_the_lines() -> None:
    events = chosen_events(parse_filter_pattern("[level = ERROR, code]"), [stored(0, "ERROR 5")])
    (event,) = unpacked(event_payload(SUBSCRIPTION, events))["logEvents"]
    assert event["extractedFields"] == {"level": "ERROR", "code": "5"}
