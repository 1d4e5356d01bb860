"""Requests to function URLs, from HTTP to an event and back; the function is played."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.errors import ClientError, PlatformError, ResponseBrokenOff
from lambdad.model.caller import Caller
from lambdad.model.function_url import UrlAddress
from lambdad.model.invocation import FunctionError
from lambdad.model.response_stream import ResponseStream
from lambdad.model.url_response import DELIMITER, LARGEST_PRELUDE
from lambdad.model.web_request import WebRequest, WebResponse
from lambdad.services.lambda_.url_requests import answer_url
from support.control_plane import ACCOUNT, REGION, Plane, creation, refused

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo"
HTTP = "application/vnd.awslambda.http-integration-response"
CALLER = Caller(ACCOUNT, REGION, "AKIA1")
CRASH = FunctionError("Runtime.ExitError")
BAD_GATEWAY = (502, b"Internal Server Error")


@pytest.fixture
async def echo(plane: Plane) -> Plane:
    """A control plane with `echo`, its version 1, its alias `live`, and leave for everybody."""
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    for qualifier in ({}, {"Qualifier": "live"}):
        for action in ("InvokeFunctionUrl", "InvokeFunction"):
            await plane(
                "AddPermission", FunctionName="echo", StatementId=action, Principal="*",
                Action=f"lambda:{action}", **qualifier,
            )  # fmt: skip
    return plane


async def url_of(plane: Plane, **settings: Any) -> str:
    """The id of a new URL."""
    request = {"FunctionName": "echo", "AuthType": "NONE", **settings}
    created = await plane("CreateFunctionUrlConfig", **request)
    return str(created["FunctionUrl"]).removeprefix("http://").partition(".")[0]


def web_request(method: str = "GET", body: bytes = b"", **headers: str) -> WebRequest:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return WebRequest(method, "/x", "", fields, body, "h.localhost", "192.0.2.1")


async def ask(
    plane: Plane,
    url_id: str,
    request: WebRequest | None = None,
    *,
    region: str | None = REGION,
    caller: Caller | None = None,
) -> WebResponse:
    def who(region: str) -> Caller:
        if caller is None:
            raise ClientError("AccessDeniedException", "nobody")
        return caller

    return await answer_url(
        plane.control,
        lambda caller: "AIDA1",
        UrlAddress(url_id, region, "/x"),
        request or web_request(),
        who,
        "r-1",
    )


def event_of(plane: Plane) -> Any:
    return json.loads(plane.invoker.invoked[-1][1].payload)


async def whole(response: WebResponse) -> bytes:
    assert response.stream is not None
    return b"".join([chunk async for chunk in response.stream])


def writes(
    *pieces: bytes, content_type: str = HTTP, then: Callable[[ResponseStream], None] | None = None
) -> Callable[[ResponseStream], None]:
    def write(stream: ResponseStream) -> None:
        stream.begin(content_type)
        for piece in pieces:
            stream.feed(piece)
        if then:
            then(stream)

    return write


# Finding


async def test_latest_is_invoked_with_the_event(echo: Plane) -> None:
    response = await ask(echo, await url_of(echo))
    ((version, invocation),) = echo.invoker.invoked
    assert (version.version, invocation.invoked_arn) == ("$LATEST", ARN)
    assert (invocation.request_id, invocation.stream) == ("r-1", None)
    assert event_of(echo)["rawPath"] == "/x"
    assert event_of(echo)["requestContext"]["requestId"] == "r-1"
    # And the trace is told to the function and to the client
    assert ("x-amzn-trace-id", invocation.trace_id) in response.headers
    assert event_of(echo)["headers"]["x-amzn-trace-id"] == invocation.trace_id


async def test_an_alias_invokes_its_versions_by_their_weights(echo: Plane) -> None:
    url_id = await url_of(echo, Qualifier="live")
    await echo.update(Description="2")
    await echo("PublishVersion", FunctionName="echo")
    weights = {"AdditionalVersionWeights": {"2": 0.25}}
    await echo("UpdateAlias", FunctionName="echo", Name="live", RoutingConfig=weights)
    echo.draws.extend([0.1, 0.9])
    await ask(echo, url_id)
    await ask(echo, url_id)
    assert sorted(version.version for version, _ in echo.invoker.invoked) == ["1", "2"]
    assert {invocation.invoked_arn for _, invocation in echo.invoker.invoked} == {f"{ARN}:live"}


@pytest.mark.parametrize("region", [REGION, None])
async def test_a_url_is_found_by_its_host_or_our_path(echo: Plane, region: str | None) -> None:
    url_id = await url_of(echo)
    assert (await ask(echo, url_id, region=region)).status == 200
    await refused(ask(echo, url_id, region="eu-west-1"), "ResourceNotFoundException")
    await refused(ask(echo, "0" * 32, region=region), "ResourceNotFoundException")
    await echo("DeleteFunctionUrlConfig", FunctionName="echo")
    await refused(ask(echo, url_id, region=region), "ResourceNotFoundException")


async def test_a_function_that_is_pending_does_not_run(plane: Plane) -> None:
    plane.preparation.gate.clear()
    await plane("CreateFunction", **creation("slow"))
    for action in ("InvokeFunctionUrl", "InvokeFunction"):
        await plane(
            "AddPermission", FunctionName="slow", StatementId=action, Principal="*",
            Action=f"lambda:{action}",
        )  # fmt: skip
    url_id = await url_of(plane, FunctionName="slow")
    error = await refused(ask(plane, url_id), "ResourceConflictException")
    assert error.status == 503
    plane.preparation.gate.set()
    await plane.control.changes.settle()
    assert (await ask(plane, url_id)).status == 200


# Who may


async def test_nobody_is_asked_for_a_signature_where_everybody_may(echo: Plane) -> None:
    await ask(echo, await url_of(echo), caller=None)
    assert "authorizer" not in event_of(echo)["requestContext"]


async def test_who_has_signed_is_told_to_the_function(echo: Plane) -> None:
    url_id = await url_of(echo, AuthType="AWS_IAM")
    await refused(ask(echo, url_id), "AccessDeniedException", "nobody")
    await ask(echo, url_id, caller=CALLER)
    iam = event_of(echo)["requestContext"]["authorizer"]["iam"]
    assert (iam["accessKey"], iam["userId"]) == ("AKIA1", "AIDA1")


async def test_without_leave_nothing_runs(echo: Plane) -> None:
    url_id = await url_of(echo)
    await echo("RemovePermission", FunctionName="echo", StatementId="InvokeFunction")
    await refused(ask(echo, url_id), "AccessDeniedException", "Forbidden")
    assert echo.invoker.invoked == []


async def test_a_preflight_needs_neither_function_nor_leave(echo: Plane) -> None:
    url_id = await url_of(echo, AuthType="AWS_IAM", Cors={"AllowOrigins": ["*"]})
    preflight = web_request("OPTIONS", origin="https://a", access_control_request_method="GET")
    response = await ask(echo, url_id, preflight)
    assert ("access-control-allow-origin", "*") in response.headers
    assert echo.invoker.invoked == []


# BUFFERED


async def test_what_is_returned_is_the_response(echo: Plane) -> None:
    url_id = await url_of(echo, Cors={"AllowOrigins": ["*"]})
    echo.invoker.answer = b'{"statusCode": 201, "headers": {"X-A": "b"}, "body": "c"}'
    response = await ask(echo, url_id, web_request(origin="https://a"))
    assert (response.status, response.body, response.stream) == (201, b"c", None)
    headers = dict(response.headers)
    assert (headers["x-a"], headers["access-control-allow-origin"]) == ("b", "*")


@pytest.mark.parametrize("answer", [b"", b"text", b'{"statusCode": "x"}'])
async def test_what_is_no_response_is_a_bad_gateway(echo: Plane, answer: bytes) -> None:
    url_id = await url_of(echo)
    echo.invoker.answer = answer
    response = await ask(echo, url_id)
    assert (response.status, response.body) == BAD_GATEWAY


@pytest.mark.parametrize("mode", ["BUFFERED", "RESPONSE_STREAM"])
async def test_a_failure_of_the_function_is_a_bad_gateway(echo: Plane, mode: str) -> None:
    url_id = await url_of(echo, InvokeMode=mode)
    echo.invoker.error = CRASH
    response = await ask(echo, url_id)
    assert (response.status, response.body) == BAD_GATEWAY


@pytest.mark.parametrize("mode", ["BUFFERED", "RESPONSE_STREAM"])
@pytest.mark.parametrize(
    "failure", [ClientError("TooManyRequestsException", "Rate Exceeded."), PlatformError("p")]
)
async def test_why_it_has_not_run_is_for_the_gateway_to_tell(
    echo: Plane, mode: str, failure: Exception
) -> None:
    url_id = await url_of(echo, InvokeMode=mode)
    echo.invoker.failure = failure
    with pytest.raises(type(failure)):
        await ask(echo, url_id)


async def test_an_event_that_gets_too_large_is_refused(echo: Plane) -> None:
    url_id = await url_of(echo)
    large = web_request("POST", bytes(5 << 20), content_type="image/png")
    await refused(ask(echo, url_id, large), "RequestTooLargeException")


async def test_a_loop_through_a_url_is_stopped(echo: Plane) -> None:
    url_id = await url_of(echo)
    trace = ""
    for _ in range(17):  # the first has no trace to count in
        response = await ask(echo, url_id, web_request(x_amzn_trace_id=trace))
        trace = dict(response.headers)["x-amzn-trace-id"]
    request = web_request(x_amzn_trace_id=trace)
    await refused(ask(echo, url_id, request), "RecursiveInvocationException")
    assert len(echo.invoker.invoked) == 17


# RESPONSE_STREAM


@pytest.fixture
async def streaming(echo: Plane) -> str:
    return await url_of(echo, InvokeMode="RESPONSE_STREAM")


async def test_a_prelude_is_the_head(echo: Plane, streaming: str) -> None:
    prelude = b'{"statusCode": 201, "headers": {"x-a": "b"}, "cookies": ["c=1"]}' + DELIMITER
    for cut in (0, 1, len(prelude) - 3, len(prelude)):
        echo.invoker.writes = writes(prelude[:cut], prelude[cut:] + b"first", b"second")
        response = await ask(echo, streaming)
        assert response.status == 201
        assert {("x-a", "b"), ("set-cookie", "c=1")} < set(response.headers)
        assert await whole(response) == b"firstsecond"


async def test_without_a_prelude_its_content_type_is_the_runtimes(
    echo: Plane, streaming: str
) -> None:
    for given, told in (("text/html", "text/html"), ("", "application/octet-stream")):
        echo.invoker.writes = writes(b"a", content_type=given)
        response = await ask(echo, streaming)
        assert (response.status, dict(response.headers)["content-type"]) == (200, told)
        assert await whole(response) == b"a"


@pytest.mark.parametrize(
    "written",
    [
        (),
        (b"{}",),
        (b"x" * (LARGEST_PRELUDE + 9),),
        (b"[]" + DELIMITER,),
        (b"{" + DELIMITER,),
        (b'{"statusCode": 99}' + DELIMITER, b"body"),
    ],
    ids=["nothing", "no end", "too long", "no object", "no JSON", "no status"],
)
async def test_a_prelude_that_is_none_is_a_bad_gateway(
    echo: Plane, streaming: str, written: tuple[bytes, ...]
) -> None:
    echo.invoker.writes = writes(*written)
    response = await ask(echo, streaming)
    assert (response.status, response.body) == BAD_GATEWAY


async def test_a_failure_behind_the_head_breaks_the_response_off(
    echo: Plane, streaming: str
) -> None:
    echo.invoker.writes = writes(b"{}" + DELIMITER + b"begun")
    echo.invoker.error = CRASH
    response = await ask(echo, streaming)
    assert response.status == 200
    with pytest.raises(ResponseBrokenOff):
        await whole(response)


async def test_a_failure_of_ours_behind_the_head_breaks_it_off_too(
    echo: Plane, streaming: str
) -> None:
    def fail(stream: ResponseStream) -> None:
        raise PlatformError("the launcher is gone")

    echo.invoker.writes = writes(b"{}" + DELIMITER + b"begun", then=fail)
    response = await ask(echo, streaming)
    with pytest.raises(ResponseBrokenOff):
        await whole(response)


async def test_what_does_not_stream_is_answered_as_it_is(echo: Plane, streaming: str) -> None:
    echo.invoker.answer = b'{"statusCode": 201}'
    response = await ask(echo, streaming)
    assert (response.status, response.body, response.stream) == (200, b'{"statusCode": 201}', None)
    assert dict(response.headers)["content-type"] == "application/json"
