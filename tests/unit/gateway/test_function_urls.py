"""Requests to function URLs: which they are, what is made of them, and what is said of failures."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lambdad.errors import ClientError, PlatformError
from lambdad.gateway.body import Body, ClientDisconnected
from lambdad.gateway.function_urls import FunctionUrls, Who
from lambdad.gateway.http import Request, Response
from lambdad.gateway.models import error_statuses
from lambdad.model.caller import Caller
from lambdad.model.function_url import PATH_PREFIX, UrlAddress
from lambdad.model.limits import REQUEST_PAYLOAD
from lambdad.model.signing_key import SigningKey
from lambdad.model.web_request import WebRequest, WebResponse
from support.sigv4 import Arriving, sign

ID = "0a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p"
REGION = "eu-west-1"
HOST = f"{ID}.lambda-url.{REGION}.localhost"
BY_HOST = UrlAddress(ID, REGION, "/")
BY_PATH = UrlAddress(ID, None, "/")
ENVIRONMENT = Caller("111111111111", REGION, "ASIAFUNCTION", "e-1")


@dataclass
class Played:
    """What stands behind the URLs."""

    response: WebResponse = WebResponse(200)  # noqa: RUF009 - it is frozen
    failure: Exception | None = None
    asks_who: bool = False
    asked: list[tuple[UrlAddress, WebRequest, str]] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)

    async def __call__(
        self, address: UrlAddress, request: WebRequest, who: Who, request_id: str
    ) -> WebResponse:
        self.asked.append((address, request, request_id))
        if self.asks_who:
            self.callers.append(who(REGION))
        if self.failure:
            raise self.failure
        return self.response


@pytest.fixture
def played() -> Played:
    return Played()


def urls(played: Played, now: float = 0) -> FunctionUrls:
    return FunctionUrls(
        played,
        find_key={"AKIA1": SigningKey("secret")}.get,
        identify=lambda key, region: Caller("222222222222", region, key) if key else None,
        now=lambda: now,
        statuses=error_statuses("lambda"),
    )


def request(
    target: str = "/",
    body: Body | bytes = b"",
    *,
    method: str = "GET",
    caller: Caller | None = None,
    scheme: str = "http",
    **headers: str,
) -> Request:
    fields = {"host": HOST, **headers}
    return Request(
        method,
        target.encode(),
        {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()},
        Body.of(body) if isinstance(body, bytes) else body,
        caller=caller,
        scheme=scheme,
        client="192.0.2.1",
    )


def told(response: Response) -> tuple[int, str, Any]:
    return response.status, response.headers["x-amzn-ErrorType"], json.loads(response.body)


# Which it is


@pytest.mark.parametrize("form", ["{}", "{}:4566", "{}.", "{}.:4566", "user@{}"])
def test_a_host_names_a_url(played: Played, form: str) -> None:
    for host in (HOST, HOST.upper()):
        assert urls(played).find(request("/a?b", host=form.format(host))) == UrlAddress(
            ID, REGION, "/a"
        )


def test_a_path_names_a_url(played: Played) -> None:
    for host in ("127.0.0.1:4566", "", "[::1"):
        asked = request(f"{PATH_PREFIX}{ID}/a%20b?c", host=host)
        assert urls(played).find(asked) == UrlAddress(ID, None, "/a%20b")


@pytest.mark.parametrize("host", ["", "localhost", "[::1"])
def test_what_names_none_is_not_theirs(played: Played, host: str) -> None:
    assert urls(played).find(request("/", host=host)) is None
    assert urls(played).find(request(PATH_PREFIX, host=host)) is None


def test_without_a_host_there_is_the_path(played: Played) -> None:
    asked = request(f"{PATH_PREFIX}{ID}")
    del asked.headers[b"host"]
    assert urls(played).find(asked) == BY_PATH


async def test_a_target_may_name_the_host_again(played: Played) -> None:
    for target, path in ((f"http://{HOST}/a?b", "/a"), (f"http://{HOST}", "/")):
        assert urls(played).find(request(target)) == UrlAddress(ID, REGION, path)


# What is made of it


async def test_the_request_is_handed_on_as_it_was_sent(played: Played) -> None:
    address = UrlAddress(ID, REGION, "/a%20b")
    asked = request("/a%20b?c=%2F", b"body", method="PUT", host=f"{HOST}:4566", x_a="1")
    await urls(played).answer(address, asked, "r-1")
    assert played.asked == [
        (
            address,
            WebRequest(
                method="PUT",
                raw_path="/a%20b",
                raw_query="c=%2F",
                headers={"host": f"{HOST}:4566", "x-a": "1"},
                body=b"body",
                host=HOST,
                source_ip="192.0.2.1",
                protocol="HTTP/1.1",
                scheme="http",
                port=4566,
            ),
            "r-1",
        )
    ]


@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443)])
async def test_a_port_that_is_not_named_is_the_schemes(
    played: Played, scheme: str, port: int
) -> None:
    await urls(played).answer(BY_HOST, request(scheme=scheme, host=HOST.upper() + "."), "r-1")
    asked = played.asked[0][1]
    assert (asked.scheme, asked.port, asked.host) == (scheme, port, HOST)


async def test_a_response_goes_back_with_all_its_cookies(played: Played) -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"x"

    headers = (("set-cookie", "a=1"), ("content-type", "text/html"), ("set-cookie", "b=2"))
    chunks = stream()
    played.response = WebResponse(201, headers, b"body", chunks)
    assert await urls(played).answer(BY_HOST, request(), "r-1") == Response(
        201, {"content-type": "text/html"}, b"body", ["a=1", "b=2"], chunks
    )


# What goes wrong


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 403),
        ("IncompleteSignatureException", 400),
        ("InvalidSignatureException", 403),
        ("RecursiveInvocationException", 400),
        ("RequestTooLargeException", 413),
        ("ResourceConflictException", 409),
        ("ResourceNotFoundException", 404),
        ("TooManyRequestsException", 429),
        ("UnrecognizedClientException", 403),
        ("UnheardOfException", 502),
    ],
)
async def test_an_error_has_its_status(played: Played, code: str, status: int) -> None:
    played.failure = ClientError(code, "It is so.", headers={"x-a": "b"})
    response = await urls(played).answer(BY_HOST, request(), "r-1")
    assert told(response) == (status, code, {"Message": "It is so."})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-a"] == "b"


async def test_a_throttle_tells_its_reason_and_when_to_come_again(played: Played) -> None:
    members = {"Reason": "CallerRateLimitExceeded", "retryAfterSeconds": "3"}
    played.failure = ClientError("TooManyRequestsException", "Rate Exceeded.", members=members)
    response = await urls(played).answer(BY_HOST, request(), "r-1")
    told_body = {"Reason": members["Reason"], "Type": "User", "message": "Rate Exceeded."}
    assert told(response) == (429, "TooManyRequestsException", told_body)
    assert response.headers["retry-after"] == "3"


@pytest.mark.parametrize("failure", [PlatformError("secret"), KeyError("secret")])
async def test_a_failure_of_ours_is_logged_and_says_nothing(
    played: Played, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    played.failure = failure
    with caplog.at_level(logging.ERROR):
        response = await urls(played).answer(BY_HOST, request(), "r-1")
    told_body = {"Message": "Internal Server Error"}
    assert told(response) == (500, "ServiceException", told_body)
    assert "Request r-1 to a function URL failed." in caplog.text


async def test_a_client_that_hangs_up_is_nobody_to_answer(played: Played) -> None:
    body = Body()
    body.lose()
    with pytest.raises(ClientDisconnected):
        await urls(played).answer(BY_HOST, request(body=body), "r-1")
    assert played.asked == []


async def test_a_body_that_is_too_large_is_not_waited_for(played: Played) -> None:
    asked = request(body=Body(), content_length=str(REQUEST_PAYLOAD + 1))
    status, code, _ = told(await urls(played).answer(BY_HOST, asked, "r-1"))
    assert (status, code) == (413, "RequestTooLargeException")
    assert played.asked == []


# Pages in browsers


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://example.com"},
        {"origin": "null"},
        {"sec_fetch_site": "same-origin"},
        {"host": "rebind.evil.example"},
    ],
)
async def test_a_page_may_ask_by_the_host_alone(played: Played, headers: dict[str, str]) -> None:
    asked = request(**{"host": "127.0.0.1", **headers})
    beneath = await urls(played).answer(BY_PATH, asked, "r-1")
    status, code, body = told(beneath)
    assert (status, code) == (403, "AccessDeniedException")
    assert PATH_PREFIX in body["Message"]
    assert played.asked == []
    assert (await urls(played).answer(BY_HOST, asked, "r-1")).status == 200


# Who has signed


def arrived(arriving: Arriving, caller: Caller | None = None) -> Request:
    headers = {name.encode(): value.encode() for name, value in arriving.headers.items()}
    body = Body.of(arriving.body)
    return Request(arriving.method, arriving.target.encode(), headers, body, caller=caller)


async def test_who_has_signed_is_known_when_it_is_asked(played: Played) -> None:
    played.asks_who = True
    for expires in (None, 60):
        asked = arrived(sign("POST", host=HOST, expires=expires))
        assert (await urls(played, time.time()).answer(BY_HOST, asked, "r-1")).status == 200
    assert played.callers == [Caller("222222222222", REGION, "AKIA1")] * 2


async def test_who_has_not_signed_is_forbidden(played: Played) -> None:
    played.asks_who = True
    for caller in (None, ENVIRONMENT):
        response = await urls(played).answer(BY_HOST, request(caller=caller), "r-1")
        assert told(response) == (403, "AccessDeniedException", {"Message": "Forbidden"})


async def test_a_signature_that_is_wrong_is_refused(played: Played) -> None:
    played.asks_who = True
    wrong = arrived(sign(host=HOST, secret="other"))
    status, code, _ = told(await urls(played, time.time()).answer(BY_HOST, wrong, "r-1"))
    assert (status, code) == (403, "InvalidSignatureException")
    late = arrived(sign(host=HOST))
    status, code, _ = told(await urls(played, now=0).answer(BY_HOST, late, "r-1"))
    assert (status, code) == (403, "InvalidSignatureException")


async def test_a_function_is_who_its_listener_is_for(played: Played) -> None:
    played.asks_who = True
    own = arrived(sign(host=HOST, key="ASIAFUNCTION", secret="?"), ENVIRONMENT)
    assert (await urls(played).answer(BY_HOST, own, "r-1")).status == 200
    assert played.callers == [ENVIRONMENT]
    # Whatever else it signs with
    other = arrived(sign(host=HOST), ENVIRONMENT)
    status, code, _ = told(await urls(played).answer(BY_HOST, other, "r-1"))
    assert (status, code) == (403, "UnrecognizedClientException")
