"""The gateway as a whole: limits, failures, what is not there, callers, routes of our own."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from gateway_calls import ask

from lambdad.errors import ClientError, PlatformError
from lambdad.gateway.app import BODY_LIMIT, Gateway
from lambdad.gateway.body import Body
from lambdad.gateway.http import Request, Response
from lambdad.model.caller import RequestContext

FUNCTIONS = "/2015-03-31/functions"


async def echo(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
    return {"Payload": parameters["Payload"]}


def gateway_with(run: Any, **options: Any) -> Gateway:
    return Gateway({("lambda", "Invoke"): run}, **options)


async def put(app: Gateway, body: bytes = b"", headers: Any = ()) -> Response:
    """Put an Invoke to the gateway; what goes back."""
    request = invoke_request(Body.of(body), headers)
    response = await app(request)
    assert response is not None
    return response


def invoke_request(body: Body, headers: Any = ()) -> Request:
    target = f"{FUNCTIONS}/f/invocations".encode()
    return Request("POST", target, {b"host": b"here:1", **dict(headers)}, body)


def code_of(response: Response) -> tuple[int, str, str]:
    return (
        response.status,
        response.headers["x-amzn-ErrorType"],
        json.loads(response.body)["message"],
    )


async def test_a_body_over_the_limit_is_not_waited_for() -> None:
    body = Body()
    body.feed(b"12345678901")
    app = gateway_with(echo, body_limits={("lambda", "Invoke"): 10})
    response = await app(invoke_request(body))
    assert response is not None
    assert code_of(response) == (
        413,
        "RequestEntityTooLargeException",
        "Request must be smaller than 10 bytes for the Invoke operation",
    )


async def test_a_body_that_announces_too_much_is_not_read_at_all() -> None:
    asked: list[None] = []
    body = Body(lambda: asked.append(None))
    response = await gateway_with(echo)(
        invoke_request(body, [(b"content-length", b"%d" % (BODY_LIMIT + 1))])
    )
    assert response is not None
    assert response.status == 413
    assert asked == []


async def test_nobody_is_answered_after_hanging_up() -> None:
    body = Body()
    body.feed(b"ab")
    body.lose()
    assert await gateway_with(echo)(invoke_request(body)) is None


@pytest.mark.parametrize("error", [PlatformError("disk"), KeyError("x"), RuntimeError("y")])
async def test_our_failure_is_logged_and_told_without_a_word_about_us(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
        raise error

    with caplog.at_level(logging.ERROR):
        response = await put(gateway_with(fail))

    assert response.status == 500
    assert response.headers["x-amzn-ErrorType"] == "ServiceException"
    assert json.loads(response.body) == {
        "Type": "Service",
        "Message": "An error occurred and the request cannot be processed.",
    }
    assert response.headers["x-amzn-RequestId"] in caplog.text
    assert type(error).__name__ in caplog.text


async def test_a_throttled_caller_is_told_when_and_why() -> None:
    async def throttle(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
        members = {"retryAfterSeconds": "1", "Reason": "CallerRateLimitExceeded"}
        raise ClientError("TooManyRequestsException", "Rate Exceeded.", members=members)

    response = await put(gateway_with(throttle))

    assert response.status == 429
    assert response.headers["Retry-After"] == "1"
    assert json.loads(response.body) == {
        "Type": "User",
        "message": "Rate Exceeded.",
        "Reason": "CallerRateLimitExceeded",
    }


async def test_a_cancelled_request_stays_cancelled() -> None:
    async def cancel(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await put(gateway_with(cancel))


async def test_headers_of_a_result_cannot_split_the_answer() -> None:
    async def answer(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
        return {
            "FunctionError": "a\r\nx: y",
            "ResponseMetadata": {"HTTPHeaders": {"x-amzn-trace-id": "Root=日"}},
        }

    response = await put(gateway_with(answer))

    lines = response.head("", is_last=False).split(b"\r\n")
    assert b"x-amz-function-error: a??x: y" in lines
    assert b"x-amzn-trace-id: Root=?" in lines


async def test_an_operation_is_told_who_asks_and_where() -> None:
    seen: list[RequestContext] = []

    async def remember(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
        seen.append(context)
        return {}

    response = await put(gateway_with(remember, default_region="eu-north-1"))

    assert seen[0].request_id == response.headers["x-amzn-RequestId"]
    assert (seen[0].service, seen[0].operation) == ("lambda", "Invoke")
    assert seen[0].endpoint_url == "http://here:1"
    assert seen[0].caller.region == "eu-north-1"


def test_an_operation_that_is_not_there_is_named() -> None:
    answer = ask(gateway_with(echo), "GET", FUNCTIONS, [], b"")

    assert answer.status == 501
    assert json.loads(answer.body) == {
        "message": "lambdad does not support the operation ListFunctions of lambda yet."
    }


def test_a_service_with_a_protocol_that_is_not_spoken_is_refused_at_the_start() -> None:
    with pytest.raises(PlatformError, match="The service s3 speaks rest-xml; the gateway speaks"):
        Gateway({("s3", "ListBuckets"): echo})


def test_our_own_routes_are_answered_without_any_parsing() -> None:
    async def health(
        path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        return 200, {"content-type": "text/plain"}, f"{path} {dict(query)}".encode()

    app = gateway_with(echo, routes={"/_lambdad/health": health})

    answer = ask(app, "GET", "/_lambdad/health?a=1", [(b"authorization", b"nonsense")], b"")
    wrong = ask(app, "POST", "/_lambdad/health", [], b"")

    assert (answer.status, answer.body) == (200, b"/_lambdad/health {'a': '1'}")
    assert answer.headers["x-amzn-requestid"]
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, HEAD")


def test_a_failing_route_says_nothing_about_us(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(*_: Any) -> tuple[int, Mapping[str, str], bytes]:
        raise RuntimeError("secret")

    answer = ask(gateway_with(echo, routes={"/_lambdad/": fail}), "GET", "/_lambdad/x", [], b"")

    assert answer.status == 500
    assert b"secret" not in answer.body
    assert "secret" in caplog.text


@pytest.mark.parametrize(
    ("headers", "trace_header"),
    [([(b"x-amzn-trace-id", b"Root=1\xe9")], "Root=1\xe9"), ([], "")],
)
async def test_an_operation_gets_the_trace_header_as_it_was_sent(
    headers: list[tuple[bytes, bytes]], trace_header: str
) -> None:
    seen: list[RequestContext] = []

    async def keep(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
        seen.append(context)
        return {}

    await put(gateway_with(keep), b"{}", headers)
    assert [context.trace_header for context in seen] == [trace_header]
