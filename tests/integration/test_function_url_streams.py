"""As a developer I let a function's URL answer while the function still writes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead
from typing import Any
from urllib.parse import urlsplit

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.waiting import wait_until
from support.web import Reply, Site, publish

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [pytest.mark.slow, pytest.mark.root]
MB = 1 << 20
LAST_CHUNK = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def function(deploy: MakeFunction, namespaces_server: LocalServer) -> Iterator[DeployedFunction]:
    """It streams what the body of a request asks for."""
    function = deploy(namespaces_server, "stream", Timeout=60)
    yield function
    function.client.delete_function(FunctionName=function.name)


@pytest.fixture(scope="module")
def site(function: DeployedFunction) -> Site:
    return publish(function, stream=True)


def ask(site: Site, **wishes: Any) -> Reply:
    return site.post("/", json.dumps(wishes).encode(), "application/json")


def raw(site: Site, version: str = "1.1", **wishes: Any) -> bytes:
    """Everything that is on the wire until the connection ends."""
    url, body = urlsplit(site.url), json.dumps(wishes).encode()
    head = (
        f"POST / HTTP/{version}\r\nHost: {url.netloc}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", url.port or 80), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def is_bad_gateway(reply: Reply) -> bool:
    return (reply.status, reply.body) == (502, b"Internal Server Error")


def test_a_prelude_is_the_head_and_the_rest_is_the_body(site: Site) -> None:
    prelude = {
        "statusCode": 418,
        "headers": {"Content-Type": "text/plain; charset=utf-8", "x-a": "b"},
        "cookies": ["a=1; Path=/", "b=2"],
    }
    reply = ask(site, prelude=prelude, pieces=["Zoë", " ", "☃"])
    assert (reply.status, reply.text, reply.type) == (418, "Zoë ☃", "text/plain")
    assert reply.headers["x-a"] == "b"
    assert reply.headers.get_all("set-cookie") == ["a=1; Path=/", "b=2"]
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.headers["content-length"] is None
    assert reply.headers["x-amzn-requestid"]


def test_without_a_prelude_it_is_bytes(site: Site) -> None:
    reply = ask(site, pieces=["a", "b"])
    assert (reply.status, reply.type, reply.body) == (200, "application/octet-stream", b"ab")


def test_a_prelude_may_be_all_there_is(site: Site) -> None:
    reply = ask(site, prelude={"statusCode": 302, "headers": {"location": "/x"}})
    assert (reply.status, reply.headers["location"], reply.body) == (302, "/x", b"")
    reply = ask(site, prelude={"statusCode": 204}, pieces=["not to be seen"])
    assert (reply.status, reply.body) == (204, b"")
    assert ask(site, prelude={"statusCode": 200}).type == "application/octet-stream"


@pytest.mark.parametrize(
    "prelude",
    [{"statusCode": 99}, {"headers": {"a": "b\nc"}}, {"headers": []}, {"cookies": "a"}],
    ids=str,
)
def test_a_prelude_that_is_no_head_is_a_bad_gateway(site: Site, prelude: dict[str, Any]) -> None:
    assert is_bad_gateway(ask(site, prelude=prelude, pieces=["x"]))
    assert ask(site, pieces=["again"]).body == b"again"


def test_what_is_written_is_read_while_the_function_runs(
    site: Site, function: DeployedFunction
) -> None:
    # Given a function that writes its next piece when the last one has been seen
    wishes = {"prelude": {"statusCode": 200}, "pieces": ["one", "two", "three"],
              "wait_for_tag": True}  # fmt: skip
    url = urlsplit(site.url)
    with closing(HTTPConnection("127.0.0.1", url.port, timeout=30)) as connection:
        headers = {"host": url.netloc, "content-type": "application/json"}
        connection.request("POST", "/", json.dumps(wishes), headers)
        response = connection.getresponse()
        # When each piece is answered by the tag that it waits for
        seen = []
        while piece := response.read1():
            seen.append(piece.decode())
            function.client.tag_resource(Resource=function.arn, Tags={seen[-1]: "seen"})
        # Then they have come one by one
        assert seen == ["one", "two", "three"]
        # And the connection serves on
        connection.request("POST", "/", json.dumps({"pieces": ["x"]}), headers)
        assert connection.getresponse().read() == b"x"


def test_a_failure_before_the_first_byte_is_a_bad_gateway(site: Site) -> None:
    assert is_bad_gateway(ask(site, fail_first=True))
    assert is_bad_gateway(ask(site, then="raise"))


@pytest.mark.parametrize("fate", ["raise", "exit", "nonsense"])
def test_a_failure_after_it_ends_the_connection_without_an_end(site: Site, fate: str) -> None:
    answer = raw(site, prelude={"statusCode": 200}, pieces=["begun"], then=fate)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"begun" in answer
    assert not answer.endswith(LAST_CHUNK)
    with pytest.raises(IncompleteRead):
        ask(site, pieces=["begun"], then=fate)
    whole = raw(site, prelude={"statusCode": 200}, pieces=["all"])
    assert whole.endswith(b"3\r\nall\r\n" + LAST_CHUNK)


def test_a_timeout_in_the_middle_too(make_function: MakeFunction) -> None:
    site = publish(make_function("stream", Timeout=1), stream=True)
    answer = raw(site, pieces=["begun"], then="sleep")
    assert b"begun" in answer
    assert not answer.endswith(LAST_CHUNK)


def test_http_1_0_has_the_body_without_chunks(site: Site) -> None:
    answer = raw(site, "1.0", prelude={"statusCode": 200}, pieces=["a", "b"])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b"ab"
    assert b"transfer-encoding" not in head


def test_much_more_than_six_megabytes_come_whole(site: Site) -> None:
    assert len(ask(site, size=MB, times=40).body) == 40 * MB


def test_who_hangs_up_ends_nothing(make_function: MakeFunction) -> None:
    # Given
    function = make_function("stream", Timeout=60)
    url = urlsplit(publish(function, stream=True).url)
    with closing(HTTPConnection("127.0.0.1", url.port, timeout=30)) as connection:
        wishes = json.dumps({"size": MB, "times": 50})
        headers = {"host": url.netloc, "content-type": "application/json"}
        connection.request("POST", "/", wishes, headers)
        # When the client hangs up after the first bytes
        connection.getresponse().read(1)
    # Then the function writes all of it
    (report,) = wait_until(lambda: function.log_messages("REPORT"), "the end of the invocation")
    assert "Status:" not in report


def test_a_function_that_returns_answers_with_what_it_returned(make_function: MakeFunction) -> None:
    site = publish(make_function("echo"), stream=True)
    reply = site.get("/x")
    assert (reply.status, reply.type, reply.json["rawPath"]) == (200, "application/json", "/x")


def test_cors_and_head_are_as_everywhere(site: Site, function: DeployedFunction) -> None:
    change = function.client.update_function_url_config
    change(FunctionName=function.name, Cors={"AllowOrigins": ["*"]})
    wishes = json.dumps({"prelude": {"headers": {"access-control-allow-origin": "x"}}}).encode()
    reply = site.post("/", wishes, "application/json", origin="https://a.example")
    assert reply.headers["access-control-allow-origin"] == "*"
    change(FunctionName=function.name, Cors={})
    head = site.request("HEAD", "/", headers={})
    assert (head.status, head.body) == (200, b"")


def test_behind_a_buffered_url_a_stream_is_collected(make_function: MakeFunction) -> None:
    site = publish(make_function("stream"))
    answer = '{"statusCode": 201, "headers": {"x-a": "b"}, "body": "x"}'
    reply = ask(site, pieces=[answer[:20], answer[20:]])
    assert (reply.status, reply.headers["x-a"], reply.body) == (201, "b", b"x")
    # A prelude is for URLs that stream
    assert is_bad_gateway(ask(site, prelude={"statusCode": 201}, pieces=["x"]))
    assert is_bad_gateway(ask(site, pieces=["no JSON"]))
    # And what breaks off is nothing, however much of it there is
    assert is_bad_gateway(ask(site, pieces=["{"], then="raise"))
    assert is_bad_gateway(ask(site, size=MB, times=7))
