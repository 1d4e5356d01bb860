"""Records and dead letters, held against the examples of AWS's documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdad.invocation.destinations import deliveries
from lambdad.model.event import (
    DEAD_LETTER,
    EVENT_AGE_EXCEEDED,
    ON_FAILURE,
    ON_SUCCESS,
    RETRIES_EXHAUSTED,
    ZERO_RESERVED_CONCURRENCY,
    Delivery,
    Event,
    EventTarget,
)
from lambdad.model.function import Code, FunctionVersion, Status
from lambdad.model.invocation import FunctionError, Report, Result

ROLE = "arn:aws:iam::123456789012:role/sender"
QUEUE, TOPIC, LETTERS = (f"arn:aws:{kind}:us-east-2:123456789012:there" for kind in "abc")
REQUEST_ID = "e4b46cbf-b738-xmpl-8880-a18cdf61200e"
MOMENT = 1573755365.568  # 2019-11-14T18:16:05.568Z
FUNCTION = "arn:aws:lambda:us-east-2:123456789012:function:my-function:$LATEST"


def event(payload: bytes = b"{}", **members: Any) -> Event:
    given = {
        "id": 7,
        "request_id": REQUEST_ID,
        "account_id": "123456789012",
        "region": "us-east-2",
        "function_name": "my-function",
        "qualifier": None,
        "payload": payload,
        "accepted_at": MOMENT - 200,
        **members,
    }
    return Event(**given)


def target(**arns: str) -> EventTarget:
    version = FunctionVersion(
        account_id="123456789012",
        region="us-east-2",
        name="my-function",
        version="$LATEST",
        runtime="python3.12",
        handler="app.handler",
        role=ROLE,
        code=Code("", 0),
        revision_id="r",
        last_modified=0.0,
        state=Status("Active"),
    )
    return EventTarget(version, FUNCTION, **arns)


def result(payload: bytes, error: str | None = None) -> Result:
    failure = FunctionError(error) if error else None
    return Result(payload, "$LATEST", Report(REQUEST_ID, 1.0, 1, 128, 30, error=failure))


def sent(condition: str, the_event: Event | None = None, **given: Any) -> list[Delivery]:
    """What is sent from a function that has told of everything."""
    told = target(on_success=QUEUE, on_failure=TOPIC, dead_letter=LETTERS)
    defaults: dict[str, Any] = {"now": MOMENT, "status_code": 200, "tries": 3}
    return deliveries(the_event or event(), told, condition, **{**defaults, **given})


def record(condition: str, the_event: Event | None = None, **given: Any) -> dict[str, Any]:
    found = json.loads(sent(condition, the_event, **given)[0].body)
    assert isinstance(found, dict)
    return found


def attributes(condition: str, **given: Any) -> dict[str, Any]:
    return sent(condition, **given)[1].attributes


# Records


def test_a_failure_is_told_as_in_the_documentation() -> None:
    ids = ["9e07af03-ce31-4ff3-xmpl-36dce652cb4f", "637de236-e7b2-464e-xmpl-baf57f86bb53"]
    message = f"RequestId: {REQUEST_ID} Process exited before completing request"
    found = record(
        RETRIES_EXHAUSTED,
        event(json.dumps({"ORDER_IDS": ids}).encode()),
        result=result(json.dumps({"errorMessage": message}).encode(), "Runtime.ExitError"),
    )
    assert found == {
        "version": "1.0",
        "timestamp": "2019-11-14T18:16:05.568Z",
        "requestContext": {
            "requestId": REQUEST_ID,
            "functionArn": FUNCTION,
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"ORDER_IDS": ids},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": {"errorMessage": message},
    }
    assert list(found) == [
        *("version", "timestamp", "requestContext", "requestPayload"),
        *("responseContext", "responsePayload"),
    ]


def test_a_success_has_no_function_error() -> None:
    found = record("Success", event(b'{"Success":true}'), result=result(b"null"), tries=1)
    assert found["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert found["requestContext"]["condition"] == "Success"
    assert found["responsePayload"] is None


def test_what_never_ran_has_no_response() -> None:
    found = record(ZERO_RESERVED_CONCURRENCY, status_code=429, tries=0)
    assert found["requestContext"]["approximateInvokeCount"] == 0
    assert not {"responseContext", "responsePayload"} & set(found)


def test_the_qualifier_that_was_asked_for_is_told() -> None:
    found = record("Success", event(qualifier="live"), result=result(b"1"))
    assert found["requestContext"]["functionArn"].endswith(":function:my-function:live")


def test_the_milliseconds_of_a_full_second_are_written_too() -> None:
    found = record("Success", result=result(b"1"), now=1573755365.0)
    assert found["timestamp"] == "2019-11-14T18:16:05.000Z"


@pytest.mark.parametrize(
    "payload",
    [
        b'{"n":123456789012345678901234567890.10, "e":1E400}',
        b"9" * 5000,
        '{"text":"\u00e4\\u00e4 \U0001f600","same":1,"same":2}'.encode(),
        b" [1 ,\n2] ",
    ],
)
def test_payloads_are_in_the_record_byte_by_byte(payload: bytes) -> None:
    (delivery,) = sent("Success", event(payload), result=result(payload))
    assert delivery.body.count(payload) == 2
    assert b'"requestPayload":' + payload + b',"responseContext":' in delivery.body


@pytest.mark.parametrize(
    "payload",
    [
        b'null,"requestContext":{"condition":"forged"}',
        b"not JSON",
        b"\xff\xfe",
        b"NaN",
        b'"\x01"',
        b"[" * 100_000,
    ],
)
def test_a_response_that_is_no_json_is_told_as_text(payload: bytes) -> None:
    found = record("Success", result=result(payload))
    assert found["responsePayload"] == payload.decode(errors="replace")
    assert found["requestContext"]["condition"] == "Success"


def test_an_empty_response_is_null() -> None:
    assert record("Success", result=result(b""))["responsePayload"] is None


# Who gets what


def test_success_is_told_to_the_destination_of_success_alone() -> None:
    (delivery,) = sent("Success", result=result(b"1"))
    assert (delivery.kind, delivery.target_arn) == (ON_SUCCESS, QUEUE)


def test_failure_is_told_to_its_destination_and_to_the_dead_letter_queue() -> None:
    told, letter = sent(EVENT_AGE_EXCEEDED, event(b'{"a":1}', trace_header="Root=1"))
    assert (told.kind, told.target_arn) == (ON_FAILURE, TOPIC)
    assert (letter.kind, letter.target_arn, letter.body) == (DEAD_LETTER, LETTERS, b'{"a":1}')
    for delivery in (told, letter):
        assert (delivery.id, delivery.tries, delivery.created_at) == (0, 0, MOMENT)
        assert (delivery.role, delivery.trace_header) == (ROLE, "Root=1")
        assert (delivery.function_name, delivery.request_id) == ("my-function", REQUEST_ID)
    assert told.attributes == {"FunctionArn": FUNCTION}


@pytest.mark.parametrize("condition", ["Success", RETRIES_EXHAUSTED])
def test_nobody_is_told_where_nobody_is_configured(condition: str) -> None:
    assert deliveries(event(), target(), condition, now=0, status_code=200, tries=1) == []


# Dead letters


def test_a_dead_letter_says_who_and_why() -> None:
    failed = result(b'{"errorMessage":"no such order","errorType":"KeyError"}', "KeyError")
    assert attributes(RETRIES_EXHAUSTED, result=failed) == {
        "RequestID": {"DataType": "String", "StringValue": REQUEST_ID},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
        "ErrorMessage": {"DataType": "String", "StringValue": "no such order"},
    }


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b'{"errorMessage":""}', "Sandbox.Timedout"),
        (b'{"errorMessage":7}', "Sandbox.Timedout"),
        (b"[]", "Sandbox.Timedout"),
        (b"not JSON", "Sandbox.Timedout"),
        (b"\xff", "Sandbox.Timedout"),
        (b"[" * 100_000, "Sandbox.Timedout"),
        (b'{"errorMessage":"\\u0000\\ud800\\uffff\\t!"}', "\ufffd\ufffd\ufffd\t!"),
        (b'{"errorMessage":"%b"}' % (b"x" * 3000), "x" * 1024),
        (('{"errorMessage":"x%s"}' % ("\u00e4" * 3000)).encode(), "x" + "\u00e4" * 511),
    ],
)
def test_an_error_message_is_what_a_message_can_hold(payload: bytes, message: str) -> None:
    told = attributes(RETRIES_EXHAUSTED, result=result(payload, "Sandbox.Timedout"))
    assert told["ErrorMessage"]["StringValue"] == message


def test_a_dead_letter_of_what_never_ran_says_why_too() -> None:
    told = attributes(ZERO_RESERVED_CONCURRENCY, status_code=429, tries=0, reason="It has none.")
    assert told["ErrorCode"]["StringValue"] == "429"
    assert told["ErrorMessage"]["StringValue"] == "It has none."
