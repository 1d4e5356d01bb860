"""Event streams: botocore reads what we write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from lambdad.gateway.eventstream import encode_headers
from lambdad.gateway.eventstream import message as write_message
from lambdad.gateway.models import ServicePlan, load_service_model

LAMBDA = ServicePlan(load_service_model("lambda"), "rest-json")
WRITE = LAMBDA.operation("InvokeWithResponseStream").serialize


def read(stream: bytes) -> list[tuple[dict[str, str], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return [(event.headers, event.payload) for event in buffer]


@given(
    st.dictionaries(st.text("abc-:", min_size=1, max_size=20), st.text(max_size=50)), st.binary()
)
def test_a_message_survives_the_way(headers: dict[str, str], payload: bytes) -> None:
    assert read(write_message(encode_headers(headers), payload)) == [(headers, payload)]


@pytest.mark.parametrize("chunks", [[], [b"a"], [b"\xff\x00", b"", b"b" * 100_000]])
def test_chunks_come_as_bytes_and_the_end_as_json(chunks: list[bytes]) -> None:
    events = [{"PayloadChunk": {"Payload": chunk}} for chunk in chunks]
    response = WRITE(
        {
            "StatusCode": 200,
            "ExecutedVersion": "1",
            "EventStream": [*events, {"InvokeComplete": {"ErrorCode": "Unhandled"}}],
        },
        "r-1",
    )
    *found, (headers, end) = read(response.body)
    assert response.headers["content-type"] == "application/vnd.amazon.eventstream"
    assert response.headers["x-amz-executed-version"] == "1"
    assert [payload for _, payload in found] == chunks
    assert (headers[":event-type"], end) == ("InvokeComplete", b'{"ErrorCode":"Unhandled"}')


async def test_json_begins_with_the_result_and_ends_with_its_client() -> None:
    async def events() -> AsyncIterator[dict[str, Any]]:
        yield {"sessionStart": {"sessionId": "s"}}
        yield {"SessionTimeoutException": {"message": "over"}}

    logs = ServicePlan(load_service_model("logs"), "json")
    response = logs.operation("StartLiveTail").serialize({"responseStream": events()}, "r-1")
    assert response.ends_with_client
    assert response.stream is not None
    (start, first), (session, told), (end, message) = read(
        b"".join([piece async for piece in response.stream])
    )
    assert (start[":event-type"], first) == ("initial-response", b"{}")
    assert (session[":event-type"], told) == ("sessionStart", b'{"sessionId":"s"}')
    assert (end[":message-type"], end[":exception-type"]) == (
        "exception",
        "SessionTimeoutException",
    )
    assert message == b'{"message":"over"}'
