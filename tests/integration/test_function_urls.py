"""As a developer I give a function a URL, and it answers what the web asks."""

from __future__ import annotations

import json
import re
import socket
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from lambdad.cli.public_url import give_url
from lambdad.testing.server import LocalServer
from support.clients import REGION
from support.functions import DeployedFunction
from support.packages import make_zip
from support.waiting import wait_until
from support.web import Reply, Site, publish

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [pytest.mark.slow, pytest.mark.root]
MB = 1 << 20

# Returns its event; or, when the query says so, the body that was sent as its own result.
WEB = """
import json
from base64 import b64decode

def handler(event, context):
    if event["rawQueryString"] != "say":
        return event
    body = event["body"]
    return json.loads(b64decode(body) if event["isBase64Encoded"] else body)
"""
SAY = "import os, time\ndef handler(event, context): {}"


@pytest.fixture(scope="module")
def web(deploy: MakeFunction, namespaces_server: LocalServer) -> Iterator[DeployedFunction]:
    function = deploy(namespaces_server, source=WEB)
    yield function
    function.client.delete_function(FunctionName=function.name)


@pytest.fixture(scope="module")
def site(web: DeployedFunction) -> Site:
    """The URL of a function that returns its event."""
    return publish(web)


def say(site: Site, result: Any, **headers: str) -> Reply:
    """What becomes of a function's result."""
    return site.post("/?say", json.dumps(result).encode(), "application/json", **headers)


def is_bad_gateway(reply: Reply) -> bool:
    return (reply.status, reply.body, reply.type) == (
        502,
        b"Internal Server Error",
        "application/json",
    )


def connect(site: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(site.url).port or 80), timeout=30)


def exchange(site: Site, text: str) -> bytes:
    """Send this, and read to the end of the connection; `HOST` stands for the URL's."""
    with connect(site) as connection:
        connection.sendall(text.replace("HOST", urlsplit(site.url).netloc).encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


# The event


def test_the_event_has_payload_format_2_0(site: Site, web: DeployedFunction) -> None:
    url = urlsplit(site.url)
    reply = site.request(
        "PUT", "/a%20b//%E2%82%AC/../x;y?b=2&a=1&a=%2C+z&empty=&flag",
        body="Zoë".encode(),
        headers={"content-type": "text/plain", "cookie": "a=1; b=2", "user-agent": "test/1",
                 "X-Custom": "Value"},
    )  # fmt: skip
    event = reply.json
    trace = event["headers"].pop("x-amzn-trace-id")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}.*", trace)
    context = event["requestContext"]
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context.pop("time"))
    assert isinstance(context.pop("timeEpoch"), int)
    assert context.pop("requestId") == reply.headers["x-amzn-requestid"]
    assert reply.headers["x-amzn-trace-id"] == trace
    assert event == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/a%20b//%E2%82%AC/../x;y",
        "rawQueryString": "b=2&a=1&a=%2C+z&empty=&flag",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "accept-encoding": "identity",
            "content-length": "4",
            "content-type": "text/plain",
            "host": url.netloc,
            "user-agent": "test/1",
            "x-custom": "Value",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": str(url.port),
            "x-forwarded-proto": "http",
        },
        "queryStringParameters": {"b": "2", "a": "1,, z", "empty": "", "flag": ""},
        "requestContext": {
            "accountId": "anonymous",
            "apiId": str(url.hostname).partition(".")[0],
            "domainName": url.hostname,
            "domainPrefix": str(url.hostname).partition(".")[0],
            "http": {
                "method": "PUT",
                "path": "/a%20b//%E2%82%AC/../x;y",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "test/1",
            },
            "routeKey": "$default",
            "stage": "$default",
        },
        "body": "Zoë",
        "isBase64Encoded": False,
    }


def test_the_request_id_is_that_of_the_invocation(make_function: MakeFunction) -> None:
    reply = publish(make_function(source=SAY.format("return context.aws_request_id"))).get("/")
    assert reply.json == reply.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("content_type", "body", "is_base64"),
    [
        ("text/html; charset=utf-8", "☃".encode(), False),
        ("application/json", b'{"a": 1}', False),
        ("application/problem+json", b"{}", False),
        ("text/plain", b"\xff\xfe", True),
        ("application/x-www-form-urlencoded", b"a=1", True),
        ("image/png", bytes(range(256)), True),
        ("application/octet-stream", b"text", True),
    ],
)
def test_a_body_is_text_or_base64(
    site: Site, content_type: str, body: bytes, is_base64: bool
) -> None:
    event = site.post("/", body, content_type).json
    assert event["isBase64Encoded"] is is_base64
    assert (b64decode(event["body"]) if is_base64 else event["body"].encode()) == body


def test_a_body_that_is_empty_is_left_out(site: Site) -> None:
    event = site.post("/", b"", "text/plain").json
    assert "body" not in event
    assert event["isBase64Encoded"] is False
    plain = site.get("/").json
    assert not {"body", "cookies", "queryStringParameters"} & set(plain)
    assert plain["rawQueryString"] == ""


def test_a_header_that_is_sent_several_times_is_joined(site: Site) -> None:
    answer = exchange(
        site,
        "GET / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nX-A: 1\r\nx-a: 2\r\n"
        "Cookie: a=1\r\nCookie: b=2; c=3\r\n\r\n",
    )
    event = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert event["headers"]["x-a"] == "1,2"
    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert not {"cookie", "connection"} & set(event["headers"])


def test_a_chunked_body_has_a_length(site: Site) -> None:
    answer = exchange(
        site,
        "POST / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    )
    event = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert (event["body"], event["headers"]["content-length"]) == ("abcde", "5")
    assert "transfer-encoding" not in event["headers"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_method_reaches_the_function(site: Site, method: str) -> None:
    reply = site.request(method, "/", headers={})
    assert reply.json["requestContext"]["http"]["method"] == method


def test_a_forwarded_address_cannot_be_invented(site: Site) -> None:
    event = site.get("/", x_forwarded_for="192.0.2.1", x_forwarded_proto="https").json
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert event["headers"]["x-forwarded-proto"] == "http"


def test_what_is_too_large_is_refused(site: Site) -> None:
    reply = site.post("/", bytes(6 * MB + 1), "text/plain")
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")
    # And what is too large only as an event
    assert site.post("/", bytes(5 * MB), "image/png").status == 413
    assert site.get("/").status == 200


# The answer


def test_a_result_is_status_headers_cookies_and_body(site: Site) -> None:
    result = {
        "statusCode": 201,
        "headers": {"Content-Type": "text/html; charset=utf-8", "X-Number": 1, "x-flag": True},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": "<p>Zoë ☃</p>",
    }
    reply = say(site, result)
    assert (reply.status, reply.text) == (201, result["body"])
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert (reply.headers["x-number"], reply.headers["x-flag"]) == ("1", "true")
    assert reply.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]


def test_binary_bodies_are_sent_as_they_are(site: Site) -> None:
    body = bytes(range(256))
    result = {
        "statusCode": 200,
        "headers": {"content-type": "image/png"},
        "body": b64encode(body).decode(),
        "isBase64Encoded": True,
    }
    reply = say(site, result)
    assert (reply.body, reply.type) == (body, "image/png")


@pytest.mark.parametrize("result", [{"a": "ä"}, [1], "text", 1, None, {}, {"body": "x"}])
def test_every_other_result_is_json(site: Site, result: Any) -> None:
    reply = say(site, result)
    assert (reply.status, reply.type, reply.json) == (200, "application/json", result)


def test_a_result_may_have_no_body(site: Site) -> None:
    reply = say(site, {"statusCode": 200})
    assert (reply.status, reply.type, reply.body) == (200, "application/json", b"")
    for status in (204, 304):
        reply = say(site, {"statusCode": status})
        assert (reply.status, reply.body, reply.headers["content-length"]) == (status, b"", None)


@pytest.mark.parametrize(
    "result",
    [
        {"statusCode": "x"},
        {"statusCode": 100},
        {"statusCode": 600},
        {"statusCode": None},
        {"statusCode": 200, "body": {}},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "headers": {"a b": "c"}},
        {"statusCode": 200, "headers": {"a": "b\r\nc: d"}},
        {"statusCode": 200, "cookies": "a=1"},
        {"statusCode": 200, "body": "?", "isBase64Encoded": True},
    ],
    ids=str,
)
def test_what_is_no_answer_is_a_bad_gateway(site: Site, result: Any) -> None:
    assert is_bad_gateway(say(site, result))


@pytest.mark.parametrize(
    ("statement", "settings"),
    [("raise ValueError()", {}), ("os._exit(3)", {}), ("time.sleep(9)", {"Timeout": 1})],
)
def test_a_failure_is_a_bad_gateway_and_says_nothing(
    make_function: MakeFunction, statement: str, settings: dict[str, Any]
) -> None:
    function = make_function(source=SAY.format(statement), **settings)
    site = publish(function)
    assert is_bad_gateway(site.get("/"))
    change = function.client.update_function_url_config
    change(FunctionName=function.name, InvokeMode="RESPONSE_STREAM")
    assert is_bad_gateway(site.get("/"))


def test_a_function_that_is_throttled_is_told_with_its_reason(make_function: MakeFunction) -> None:
    function = make_function(source=WEB)
    site = publish(function)
    concurrency = {"FunctionName": function.name, "ReservedConcurrentExecutions": 0}
    function.client.put_function_concurrency(**concurrency)
    reply = site.get("/")
    assert (reply.status, reply.type) == (429, "application/json")
    assert reply.headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert reply.json == {
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "Type": "User",
        "message": "Rate Exceeded.",
    }
    function.client.delete_function_concurrency(FunctionName=function.name)
    assert site.get("/").status == 200


# HTTP


def test_head_has_no_body(site: Site) -> None:
    answer = exchange(site, "HEAD /x HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert body == b""


def test_a_connection_serves_one_request_after_the_other(site: Site) -> None:
    url = urlsplit(site.url)
    connection = HTTPConnection("127.0.0.1", url.port, timeout=30)
    with closing(connection):
        for path in ("/a", "/b"):
            connection.request("GET", path, headers={"host": url.netloc})
            assert json.loads(connection.getresponse().read())["rawPath"] == path
        # Ours beside it
        connection.request("GET", "/_lambdad/health", headers={"host": f"127.0.0.1:{url.port}"})
        assert connection.getresponse().status == 200


def test_requests_sent_in_one_breath_are_answered_in_order(site: Site) -> None:
    asked = [f"GET /{number} HTTP/1.1\r\nHost: HOST\r\n\r\n" for number in range(5)]
    asked[-1] = asked[-1].replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
    answers = exchange(site, "".join(asked)).split(b"HTTP/1.1 200 OK\r\n")[1:]
    events = [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers]
    assert [event["rawPath"] for event in events] == ["/0", "/1", "/2", "/3", "/4"]


def test_http_1_0_gets_one_answer(site: Site) -> None:
    answer = exchange(site, "GET /x HTTP/1.0\r\nHost: HOST\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head
    event = json.loads(body)
    assert event["requestContext"]["http"]["protocol"] == "HTTP/1.0"


# Addresses


@pytest.mark.parametrize(
    "form",
    [
        "{id}.lambda-url.{region}.localhost:{port}",
        "{id}.lambda-url.{region}.localhost",
        "{id}.lambda-url.{region}.localhost.:{port}",
        "{id}.lambda-url.{region}.on.aws",
        "{id}.lambda-url.{region}.on.aws.",
        "{ID}.Lambda-URL.{REGION}.LocalHost:{port}",
        "{ID}.LAMBDA-URL.{REGION}.ON.AWS",
    ],
)
def test_a_host_may_be_named_in_several_ways(site: Site, form: str) -> None:
    url = urlsplit(site.url)
    id = str(url.hostname).partition(".")[0]
    host = form.format(id=id, ID=id.upper(), region=REGION, REGION=REGION.upper(), port=url.port)
    event = site.get("/x", host=host).json
    assert event["rawPath"] == "/x"
    assert event["requestContext"]["apiId"] == id
    assert event["requestContext"]["domainName"] == host.lower().partition(":")[0].rstrip(".")


def test_a_client_that_knows_no_such_host_asks_beneath_our_path(site: Site) -> None:
    url = urlsplit(site.url)
    id, host = str(url.hostname).partition(".")[0], f"127.0.0.1:{url.port}"
    for path, raw_path in (("/x?y=1", "/x"), ("", "/"), ("/", "/"), ("//a/%2e", "//a/%2e")):
        event = site.get(f"/_lambdad/url/{id}{path}", host=host).json
        assert event["rawPath"] == event["requestContext"]["http"]["path"] == raw_path
        assert event["requestContext"]["domainName"] == "127.0.0.1"
    # But no page may, whose origin would be ours
    for headers in ({"origin": "http://evil.example"}, {"sec_fetch_site": "cross-site"}):
        reply = site.get(f"/_lambdad/url/{id}/", host=host, **headers)
        assert (reply.status, reply.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("{id}.lambda-url.eu-west-1.localhost", "/"),
        ("{id}.lambda-url.eu-west-1.on.aws", "/"),
        ("{none}.lambda-url.us-east-1.localhost", "/"),
        ("127.0.0.1", "/_lambdad/url/{none}/x"),
        ("127.0.0.1", "/_lambdad/url/{id}x/"),
    ],
)
def test_what_no_url_is_called_is_not_found(site: Site, host: str, path: str) -> None:
    names = {"id": str(urlsplit(site.url).hostname).partition(".")[0], "none": "0" * 32}
    assert site.get(path.format(**names), host=host.format(**names)).status == 404


# CORS


CORS = {
    "AllowOrigins": ["https://example.com"],
    "AllowMethods": ["GET", "PUT"],
    "AllowHeaders": ["x-token"],
    "ExposeHeaders": ["x-seen"],
    "MaxAge": 60,
    "AllowCredentials": True,
}
PREFLIGHT = {
    "origin": "https://example.com",
    "access-control-request-method": "PUT",
    "access-control-request-headers": "x-token",
}


def access_control(reply: Reply) -> dict[str, str]:
    return {
        name.removeprefix("access-control-"): value
        for name, value in reply.headers.items()
        if name.startswith("access-control-")
    }


def test_a_preflight_is_answered_without_the_function_or_a_signature(
    make_function: MakeFunction,
) -> None:
    function = make_function(source=WEB)
    created = function.client.create_function_url_config(
        FunctionName=function.name, AuthType="AWS_IAM", Cors=CORS
    )
    site = Site(created["FunctionUrl"])
    reply = site.request("OPTIONS", "/x", headers=PREFLIGHT)
    assert (reply.status, reply.body) == (200, b"")
    assert access_control(reply) == {
        "allow-origin": "https://example.com",
        "allow-credentials": "true",
        "allow-headers": "x-token",
        "allow-methods": "GET,PUT",
        "max-age": "60",
    }
    other = {**PREFLIGHT, "origin": "https://other.example"}
    assert access_control(site.request("OPTIONS", "/", headers=other)) == {}
    assert function.starts() == 0
    # And what is no preflight needs leave
    assert site.get("/", origin="https://example.com").status == 403


def test_cors_headers_take_the_place_of_the_functions(make_function: MakeFunction) -> None:
    function = make_function(source=WEB)
    site = publish(function)
    own = {"access-control-allow-origin": "*", "access-control-allow-methods": "*"}
    result = {"statusCode": 200, "headers": own}
    # Without any they are its own, and so are preflights
    assert access_control(say(site, result)) == {"allow-origin": "*", "allow-methods": "*"}
    assert site.request("OPTIONS", "/", headers=PREFLIGHT).json["rawPath"] == "/"
    # With them they are not
    function.client.update_function_url_config(FunctionName=function.name, Cors=CORS)
    reply = say(site, result, origin="https://example.com")
    assert access_control(reply) == {
        "allow-origin": "https://example.com",
        "allow-credentials": "true",
        "expose-headers": "x-seen",
    }
    assert reply.headers["vary"] == "origin"
    assert access_control(say(site, result, origin="https://other.example")) == {}


# Its life


def test_an_alias_has_a_url_and_its_weights_count(make_function: MakeFunction) -> None:
    # Given
    function = make_function(source=SAY.format("return context.function_version"))
    name = {"FunctionName": function.name}
    function.client.publish_version(**name)
    function.update_code(make_zip({"app.py": SAY.format("return context.function_version + ''")}))
    function.client.publish_version(**name)
    function.client.create_alias(
        **name,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    created = function.client.create_function_url_config(**name, Qualifier="live", AuthType="NONE")
    for id, permission in (
        ("url", {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}),
        ("function", {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True}),
    ):
        function.client.add_permission(
            **name, Qualifier="live", StatementId=id, Principal="*", **permission
        )
    site = Site(created["FunctionUrl"])
    # Then
    assert created["FunctionArn"] == f"{function.arn}:live"
    assert {site.get("/").json for _ in range(40)} == {"1", "2"}
    # When all of it is moved
    function.client.update_alias(
        **name, Name="live", FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    assert {site.get("/").json for _ in range(10)} == {"2"}
    # When the alias goes, so does its URL
    function.client.delete_alias(**name, Name="live")
    assert site.get("/").status == 404


def test_a_url_that_is_deleted_is_gone_for_ever(make_function: MakeFunction) -> None:
    function = make_function(source=WEB)
    site = publish(function)
    function.client.delete_function_url_config(FunctionName=function.name)
    reply = site.get("/")
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    again = publish(function)
    assert again.url != site.url
    assert (site.get("/").status, again.get("/").status) == (404, 200)
    # And it goes with its function
    function.client.delete_function(FunctionName=function.name)
    wait_until(lambda: again.get("/").status == 404, "the end of the URL")


def test_a_url_survives_a_crash_at_the_same_address(
    start_server: Callable[..., LocalServer], make_function: MakeFunction
) -> None:
    server = start_server(sandbox="process")
    function = make_function(source=WEB, on=server)
    before = give_url(function.client, function.name, stream=None)
    server.kill()
    server.start()
    port = urlsplit(server.url).port
    site = Site(re.sub(r":\d+/", f":{port}/", before["FunctionUrl"]))
    assert site.get("/x").json["rawPath"] == "/x"
