"""Records are JSON with AWS's members, whatever events and answers hold."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdad.invocation.destinations import deliveries
from lambdad.model.event import RETRIES_EXHAUSTED, Event, EventTarget
from lambdad.model.function import Code, FunctionVersion, Status
from lambdad.model.invocation import FunctionError, Report, Result

VERSION = FunctionVersion(
    *("123456789012", "us-east-2", "f", "$LATEST", "python3.12", "app.handler", "role"),
    code=Code("", 0),
    revision_id="r",
    last_modified=0.0,
    state=Status("Active"),
)
TARGET = EventTarget(VERSION, "arn", on_success="s", on_failure="f", dead_letter="d")

values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def told(payload: bytes, answer: bytes, condition: str) -> list[Any]:
    event = Event(1, "r", "123456789012", "us-east-2", "f", None, payload, 0.0)
    error = FunctionError("Unhandled") if condition != "Success" else None
    result = Result(answer, "$LATEST", Report("r", 1.0, 1, 128, 30, error=error))
    return deliveries(event, TARGET, condition, now=0, status_code=200, tries=1, result=result)


@given(payload=values, answer=values)
def test_payloads_come_out_as_they_were(payload: Any, answer: Any) -> None:
    record, letter = told(
        json.dumps(payload, ensure_ascii=False).encode(errors="replace"),
        json.dumps(answer).encode(),
        RETRIES_EXHAUSTED,
    )
    assert json.loads(record.body)["responsePayload"] == answer
    assert json.loads(record.body)["requestPayload"] == json.loads(letter.body)


@given(answer=st.binary() | st.text(alphabet='{}[]",:0e.-null \n').map(str.encode))
def test_no_answer_writes_another_part_of_the_record(answer: bytes) -> None:
    for condition in ("Success", RETRIES_EXHAUSTED):
        record = json.loads(told(b"{}", answer, condition)[0].body)
        assert list(record) == [
            *("version", "timestamp", "requestContext", "requestPayload"),
            *("responseContext", "responsePayload"),
        ]
        assert record["requestContext"]["condition"] == condition


@given(answer=st.binary() | values.map(lambda value: json.dumps({"errorMessage": value}).encode()))
def test_an_error_message_is_never_empty_nor_long(answer: bytes) -> None:
    letter = told(b"{}", answer, RETRIES_EXHAUSTED)[1]
    message = letter.attributes["ErrorMessage"]["StringValue"]
    assert 1 <= len(message.encode()) <= 1024
