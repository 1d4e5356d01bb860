"""The server on real sockets, driven by real clients."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError as BotocoreError

from lambdad.errors import ClientError
from lambdad.gateway.app import Gateway
from lambdad.gateway.connection import HEAD_LIMIT
from lambdad.gateway.http import Request, Response
from lambdad.gateway.server import HttpServer
from lambdad.model.caller import Caller, RequestContext


async def invoke(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
    if parameters["FunctionName"] == "nobody":
        raise ClientError("ResourceNotFoundException", "Function not found: nobody")
    return {
        "StatusCode": 200,
        "ExecutedVersion": "$LATEST",
        "Payload": parameters["Payload"] + context.caller.account_id.encode(),
    }


async def who(context: RequestContext, parameters: dict[str, Any]) -> Mapping[str, Any]:
    return {"Account": context.caller.account_id, "Arn": "a", "UserId": "u"}


def listening_socket() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def url_of(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


def client(service: str, url: str, key: str = "123456789012") -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=key,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
async def server() -> AsyncIterator[HttpServer]:
    gateway = Gateway({("lambda", "Invoke"): invoke, ("sts", "GetCallerIdentity"): who})
    server = HttpServer(gateway)
    yield server
    server.close()


@pytest.mark.slow
async def test_real_clients_reach_the_operations(server: HttpServer) -> None:
    sock = listening_socket()
    await server.listen(sock)

    def calls() -> None:
        functions, sts = client("lambda", url_of(sock)), client("sts", url_of(sock))
        answer = functions.invoke(FunctionName="f", Payload=b"x" * 200_000)
        assert answer["Payload"].read() == b"x" * 200_000 + b"123456789012"
        assert answer["ExecutedVersion"] == "$LATEST"
        assert sts.get_caller_identity()["Account"] == "123456789012"
        with pytest.raises(functions.exceptions.ResourceNotFoundException):
            functions.invoke(FunctionName="nobody")
        with pytest.raises(BotocoreError, match="ListFunctions of lambda yet"):
            functions.list_functions()

    await asyncio.to_thread(calls)


@pytest.mark.slow
async def test_an_environments_listener_says_who_asks(server: HttpServer) -> None:
    sock = listening_socket()
    caller = Caller("111111111111", "us-east-1", "ASIAENV", environment_id="e")
    await server.listen(sock, caller)

    def calls() -> None:
        own = client("sts", url_of(sock), key="ASIAENV")
        assert own.get_caller_identity()["Account"] == "111111111111"
        stranger = client("sts", url_of(sock))
        with pytest.raises(BotocoreError, match="InvalidClientTokenId"):
            stranger.get_caller_identity()

    await asyncio.to_thread(calls)


async def talk(sock: socket.socket, data: bytes) -> bytes:
    """Everything that comes back for `data` until the server closes the connection."""
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


async def test_listeners_come_and_go(server: HttpServer) -> None:
    for _ in range(100):
        sock = listening_socket()
        listener = await server.listen(sock)
        answer = await talk(sock, b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert b"UnknownOperationException" in answer
        listener.close()
        assert sock.fileno() == -1


async def test_closing_a_listener_ends_its_connections(server: HttpServer) -> None:
    sock = listening_socket()
    listener = await server.listen(sock)
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")

    listener.close()

    await reader.read()
    assert reader.at_eof()
    writer.close()


async def test_a_head_without_end_is_cut(server: HttpServer) -> None:
    sock = listening_socket()
    await server.listen(sock)
    answer = await talk(sock, b"GET / HTTP/1.1\r\nx: " + b"y" * (HEAD_LIMIT + 1))
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_what_is_not_http_is_refused(server: HttpServer) -> None:
    sock = listening_socket()
    await server.listen(sock)
    assert (await talk(sock, b"\x16\x03\x01\x02\x00\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_connections_beyond_the_limit_are_dropped(server: HttpServer) -> None:
    sock = listening_socket()
    await server.listen(sock, max_connections=1)
    first = await asyncio.open_connection(*sock.getsockname())
    second = await asyncio.open_connection(*sock.getsockname())
    assert await second[0].read() == b""
    first[1].write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (await first[0].readline()).startswith(b"HTTP/1.1 404 ")
    for _, writer in (first, second):
        writer.close()


async def test_beyond_the_limit_the_one_that_is_idle_for_longest_goes(server: HttpServer) -> None:
    # Given two connections, one of which has just said something
    sock = listening_socket()
    listener = await server.listen(sock, max_connections=2)
    lines = [await asyncio.open_connection(*sock.getsockname()) for _ in range(2)]
    server._pulse.seconds += 1
    lines[0][1].write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    assert (await lines[0][0].readline()).startswith(b"HTTP/1.1 404 ")
    server._pulse.seconds += 1
    # When there is a third
    lines.append(await asyncio.open_connection(*sock.getsockname()))
    # Then
    assert await lines[1][0].read() == b""
    for reader, writer in (lines[0], lines[2]):
        writer.write(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        assert b"HTTP/1.1 404 " in await reader.read()
    for _, writer in lines:
        writer.close()
    assert await listener.drain(5) is True


async def test_beyond_the_limit_nobody_goes_who_waits_for_an_answer() -> None:
    app, sock = Waiting(), listening_socket()
    server = HttpServer(app)
    await server.listen(sock, max_connections=1)
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await app.is_asked.wait()
    server._pulse.seconds += 10
    other = await asyncio.open_connection(*sock.getsockname())
    assert await other[0].read() == b""
    app.may_answer.set()
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    for end in (writer, other[1]):
        end.close()
    server.close()


class Waiting:
    """An app that answers when it may."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = asyncio.Event(), asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        self.is_asked.set()
        await self.may_answer.wait()
        return Response(200, {}, b"done")


async def test_draining_finishes_what_is_in_flight() -> None:
    # Given a request in flight, and an idle connection
    app, sock = Waiting(), listening_socket()
    server = HttpServer(app)
    listener = await server.listen(sock)
    address = sock.getsockname()
    idle = await asyncio.open_connection(*address)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await app.is_asked.wait()
    # When the listener drains
    draining = asyncio.create_task(listener.drain(10))
    assert await idle[0].read() == b""
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*address)
    assert not draining.done()
    app.may_answer.set()
    # Then the request is answered to its end
    assert (await reader.read()).endswith(b"connection: close\r\n\r\ndone")
    assert await draining is True
    server.close()
    for end in (writer, idle[1]):
        end.close()


async def test_draining_ends_when_its_time_is_over(caplog: pytest.LogCaptureFixture) -> None:
    app, sock = Waiting(), listening_socket()
    server = HttpServer(app)
    listener = await server.listen(sock)
    _, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await app.is_asked.wait()
    assert await listener.drain(0.01) is False
    server.close()
    writer.close()
