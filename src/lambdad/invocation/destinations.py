"""What is told of an event that has come to its end: records, and dead letters.

Success    ─▶ on-success destination: a record
any other  ─▶ on-failure destination: a record, and dead-letter queue: the event itself
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from lambdad.model.event import (
    DEAD_LETTER,
    ON_FAILURE,
    ON_SUCCESS,
    Delivery,
    Event,
    EventTarget,
)
from lambdad.model.invocation import Result
from lambdad.model.strict_json import CHECKER

SUCCESS = "Success"
RECORD_VERSION = "1.0"
_ERROR_MESSAGE = 1024  # bytes of it that a dead letter tells
_NOT_IN_A_MESSAGE = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def deliveries(
    event: Event,
    target: EventTarget,
    condition: str,
    *,
    now: float,
    status_code: int,
    tries: int,
    reason: str = "",
    result: Result | None = None,
) -> list[Delivery]:
    """Everything that is to be sent about `event`, which has ended in `condition`.

    `result` is that of the last try, if the function has run, and `status_code` what the last
    invocation was answered with. A dead letter tells `reason` where no error of the function says
    more; the words are ours. The store gives a delivery its id.
    """
    if condition == SUCCESS:
        wanted = {ON_SUCCESS: target.on_success}
    else:
        wanted = {ON_FAILURE: target.on_failure, DEAD_LETTER: target.dead_letter}
    found = []
    for kind, target_arn in wanted.items():
        if not target_arn:
            continue
        if kind == DEAD_LETTER:
            body = event.payload
            attributes = _message_attributes(event, reason or condition, status_code, result)
        else:
            body = _record(event, condition, now, status_code, tries, result)
            attributes = {"FunctionArn": event.function_arn}
        found.append(
            Delivery(
                id=0,
                event_id=event.id,
                kind=kind,
                target_arn=target_arn,
                account_id=event.account_id,
                region=event.region,
                function_name=event.function_name,
                request_id=event.request_id,
                role=target.version.role,
                body=body,
                created_at=now,
                attributes=attributes,
                trace_header=event.trace_header,
            )
        )
    return found


def _record(
    event: Event, condition: str, now: float, status_code: int, tries: int, result: Result | None
) -> bytes:
    """AWS's record of an invocation. Payloads are put into it as they are, byte by byte: written
    anew, a number could become another one."""
    request = {
        "requestId": event.request_id,
        "functionArn": event.function_arn,
        "condition": condition,
        "approximateInvokeCount": tries,
    }
    members = {
        "version": _json(RECORD_VERSION),
        "timestamp": _json(_timestamp(now)),
        "requestContext": _json(request),
        "requestPayload": _embedded(event.payload),
    }
    if result is not None:
        response: dict[str, Any] = {
            "statusCode": status_code,
            "executedVersion": result.executed_version,
        }
        if result.error is not None:
            response["functionError"] = "Unhandled"
        members["responseContext"] = _json(response)
        members["responsePayload"] = _embedded(result.payload)
    return b"{%b}" % b",".join(b'"%b":%b' % (name.encode(), members[name]) for name in members)


def _timestamp(now: float) -> str:
    moment = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _embedded(payload: bytes) -> bytes:
    """A payload as a part of JSON: itself, or, as a runtime may answer with anything, a string
    that holds it, so that nobody can write the rest of the record."""
    if not payload:
        return b"null"
    try:
        CHECKER.decode(payload.decode())
    except (ValueError, RecursionError):
        return _json(payload.decode(errors="replace"))
    return payload


def _message_attributes(
    event: Event, reason: str, status_code: int, result: Result | None
) -> dict[str, Any]:
    """The attributes of a dead letter, in the form that SQS and SNS share."""
    message = _said_by(result) or reason
    return {
        "RequestID": _attribute("String", event.request_id),
        "ErrorCode": _attribute("Number", str(status_code)),
        "ErrorMessage": _attribute("String", _shortened(message)),
    }


def _attribute(kind: str, value: str) -> dict[str, str]:
    return {"DataType": kind, "StringValue": value}


def _said_by(result: Result | None) -> str:
    """The function's own words for its error, if it has failed."""
    if result is None or result.error is None:
        return ""
    try:
        payload = json.loads(result.payload)
    except (ValueError, RecursionError):
        payload = None
    message = payload.get("errorMessage") if isinstance(payload, dict) else None
    return message if message and isinstance(message, str) else result.error.error_type


def _shortened(message: str) -> str:
    """The first of it, in characters that a message may hold."""
    text = _NOT_IN_A_MESSAGE.sub("\ufffd", message)
    return text.encode()[:_ERROR_MESSAGE].decode(errors="ignore")
