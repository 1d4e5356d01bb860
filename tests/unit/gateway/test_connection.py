"""HTTP/1.1 as clients speak it, well and badly, on real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from lambdad.gateway.body import ClientDisconnected
from lambdad.gateway.connection import HEAD_LIMIT, WAITING_LIMIT
from lambdad.gateway.http import Request, Response
from lambdad.gateway.server import KEEP_ALIVE_SECONDS, HttpServer, Listener
from support.certificates import client_context, server_context

pytestmark = pytest.mark.timeout(20)
CLOSE = b"Connection: close\r\n"
MB = 1 << 20
LARGE = 16 * MB  # more than sockets hold
LONG_AFTER = 1_000_000
# A client's end of asyncio does not wait for what TLS has not sent; test_tls.py has one that does.
IN_PLAIN = pytest.mark.parametrize("line", ["http"], indirect=True)


def post(body: bytes, path: str = "/p", headers: bytes = b"") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n".encode() + (
        headers + b"\r\n" + body
    )


def get(path: str = "/", headers: bytes = b"") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: h\r\n".encode() + headers + b"\r\n"


@dataclass
class Desk:
    """An app that answers with what it was asked, when it may."""

    limit: int = MB
    reads: bool = True
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[Request] = field(default_factory=list)
    hung_up: int = 0

    async def __call__(self, request: Request) -> Response | None:
        self.seen.append(request)
        try:
            if self.reads:
                await request.read_body(self.limit)
            await self.may_answer.wait()
        except ClientDisconnected:
            self.hung_up += 1
            return None
        return Response(200, {"x-path": request.raw_path}, request.body)

    async def was_asked(self, times: int = 1) -> None:
        async with asyncio.timeout(5):
            while len(self.seen) < times:  # noqa: ASYNC110 - there is no event for each
                await asyncio.sleep(0)


class Line:
    """A client's end of a connection."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: Listener
    ) -> None:
        self.reader, self.writer, self.listener = reader, writer, listener

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:-2])
        length = int(fields.get("content-length", 0)) if has_body else 0
        return int(head[0].split()[1]), fields, await self.reader.readexactly(length)

    async def is_closed(self) -> bool:
        return await self.reader.read() == b""


@pytest.fixture
async def desk() -> Desk:
    desk = Desk()
    desk.may_answer.set()
    return desk


@asynccontextmanager
async def line_to(app: Desk, *, is_secure: bool = False) -> AsyncIterator[Line]:
    server, sock = HttpServer(app), socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    address = sock.getsockname()
    listener = await server.listen(sock, tls=server_context() if is_secure else None)
    trust = client_context() if is_secure else None
    line = Line(*await asyncio.open_connection(*address, ssl=trust), listener)
    try:
        yield line
    finally:
        line.writer.close()
        server.close()
        await asyncio.sleep(0)


@pytest.fixture(params=["http", "https"])
async def line(desk: Desk, request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    async with line_to(desk, is_secure=request.param == "https") as line:
        yield line


async def test_an_answer_has_date_and_length(line: Line) -> None:
    line.send(post(b"abc"))
    status, fields, body = await line.answer()
    assert (status, body) == (200, b"abc")
    assert fields.keys() == {"date", "x-path", "content-length"}


async def test_a_request_in_single_bytes_is_a_request(line: Line, desk: Desk) -> None:
    for byte in post(b"abc", "/a%20b?c=d&c=e", b"X-Mixed-Case: v\r\n"):
        line.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await line.answer())[2] == b"abc"
    (request,) = desk.seen
    assert (request.method, request.raw_path, request.path) == ("POST", "/a%20b", "/a b")
    assert request.query == {"c": ["d", "e"]}
    assert request.header(b"x-mixed-case") == "v"


async def test_a_chunked_body_is_joined(line: Line) -> None:
    head = b"POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    line.send(head + b"3\r\nabc\r\n")
    await asyncio.sleep(0)
    line.send(b"2\r\nde\r\n0\r\nTrailer: x\r\n\r\n" + get("/next"))
    assert (await line.answer())[2] == b"abcde"
    assert (await line.answer())[1]["x-path"] == "/next"


async def test_a_whole_url_leads_to_its_path(line: Line, desk: Desk) -> None:
    line.send(get("http://H/path?a=b"))
    assert (await line.answer())[1]["x-path"] == "/path"
    assert desk.seen[0].query_string == b"a=b"


async def test_a_whole_url_names_the_host_where_no_header_does(line: Line, desk: Desk) -> None:
    line.send(b"GET http://a:1?b HTTP/1.1\r\n\r\n")
    await line.answer()
    assert desk.seen[0].header(b"host") == "a:1"


@pytest.mark.parametrize("url", ["http://other/", "http://h:80/", "http://h.other?/h", "a://b@h/"])
async def test_a_whole_url_of_another_host_is_refused(line: Line, desk: Desk, url: str) -> None:
    line.send(get(url) + get())
    assert (await line.answer())[0] == 400
    assert await line.is_closed()
    assert desk.seen == []


async def test_head_is_answered_without_the_body(line: Line) -> None:
    line.send(post(b"abc").replace(b"POST", b"HEAD") + get("/next"))
    status, fields, _ = await line.answer(has_body=False)
    assert (status, fields["content-length"]) == (200, "3")
    assert (await line.answer())[1]["x-path"] == "/next"


# One after the other


async def test_requests_in_one_piece_are_answered_in_order(line: Line, desk: Desk) -> None:
    desk.may_answer.clear()
    line.send(b"".join(post(b"%d" % n, f"/{n}") for n in range(20)))
    await desk.was_asked()
    assert len(desk.seen) == 1
    desk.may_answer.set()
    answers = [await line.answer() for _ in range(20)]
    assert [body for _, _, body in answers] == [b"%d" % n for n in range(20)]
    assert [fields["x-path"] for _, fields, _ in answers] == [f"/{n}" for n in range(20)]


@IN_PLAIN
@pytest.mark.slow
async def test_a_client_that_sends_ahead_is_not_read_without_end(line: Line, desk: Desk) -> None:
    desk.may_answer.clear()
    line.send(get("/first"))
    await desk.was_asked()
    line.send(get("/x" * 100) * 400_000)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await line.writer.drain()
    desk.may_answer.set()
    assert (await line.answer())[1]["x-path"] == "/first"


@IN_PLAIN
async def test_more_requests_than_anybody_sends_ahead_are_refused(line: Line, desk: Desk) -> None:
    desk.may_answer.clear()
    line.send(get() * (WAITING_LIMIT + 2))
    await desk.was_asked()
    desk.may_answer.set()
    statuses = [(await line.answer())[0] for _ in range(WAITING_LIMIT + 2)]
    assert statuses == [200] * (WAITING_LIMIT + 1) + [400]
    assert await line.is_closed()


@pytest.mark.parametrize(
    "request_",
    [
        get(headers=CLOSE),
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ],
)
async def test_a_client_that_keeps_nothing_alive_is_left(line: Line, request_: bytes) -> None:
    line.send(request_)
    assert (await line.answer())[1]["connection"] == "close"
    assert await line.is_closed()


async def test_a_wish_for_another_protocol_is_answered_in_this_one(line: Line) -> None:
    line.send(get(headers=b"Connection: Upgrade\r\nUpgrade: h2c\r\n") + b"PRI * HTTP/2.0\r\n\r\n")
    assert (await line.answer())[1]["connection"] == "close"
    assert await line.is_closed()


async def test_connections_that_are_idle_for_long_are_ended() -> None:
    async def app(request: Request) -> Response:
        return Response(200)

    server, sock = HttpServer(app), socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    listener = await server.listen(sock)
    idle = await asyncio.open_connection(*sock.getsockname())
    half = await asyncio.open_connection(*sock.getsockname())
    for _, writer in (idle, half):
        writer.write(get())
    for reader, _ in (idle, half):
        await reader.readuntil(b"\r\n\r\n")
    half[1].write(b"GET / HT")
    await asyncio.sleep(0.01)
    listener.close_idle(-KEEP_ALIVE_SECONDS)
    idle[1].write(get())
    await idle[0].readuntil(b"\r\n\r\n")
    listener.close_idle(1)
    assert await idle[0].read() == await half[0].read() == b""
    for _, writer in (idle, half):
        writer.close()
    server.close()


# What is stuck


@dataclass
class LargeDesk(Desk):
    """Answers with more than sockets hold."""

    async def __call__(self, request: Request) -> Response | None:
        self.seen.append(request)
        return Response(200, {}, bytes(LARGE))


@dataclass
class DeafClient:
    """A client that sends requests and does not read, until it is asked how much has come."""

    sock: socket.socket
    listener: Listener

    async def count(self) -> int:
        """The bytes that came until the connection ended."""
        count = 0
        try:
            async with asyncio.timeout(10):
                while data := await asyncio.get_running_loop().sock_recv(self.sock, MB):
                    count += len(data)
        except ConnectionResetError:
            pass
        return count


@asynccontextmanager
async def deaf_client(requests: int) -> AsyncIterator[DeafClient]:
    """One that has sent so many requests at once; the first answer does not fit."""
    desk = LargeDesk()
    server, sock = HttpServer(desk), socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    address = sock.getsockname()
    listener = await server.listen(sock)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, address)
        client.send(get() * requests)
        await desk.was_asked(requests)
        await take_turns()
        yield DeafClient(client, listener)
    server.close()
    await asyncio.sleep(0)


async def take_turns() -> None:
    """Let the loop do what is due."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_that_waits_long_for_the_rest_of_a_body_is_ended(line: Line, desk: Desk) -> None:
    line.send(post(b"abc")[:-1])
    await desk.was_asked()
    line.listener.close_idle(-KEEP_ALIVE_SECONDS)
    await take_turns()
    assert desk.hung_up == 0
    line.listener.close_idle(LONG_AFTER)
    assert await line.is_closed()
    assert desk.hung_up == 1


async def test_one_whose_client_reads_no_answers_is_ended() -> None:
    """A second answer waits until the first has gone, and with it a place for a connection."""
    async with deaf_client(requests=2) as client:
        client.listener.close_idle(LONG_AFTER)
        assert await client.count() < LARGE


async def test_one_that_was_to_end_long_ago_and_is_not_read_is_ended() -> None:
    async with deaf_client(requests=1) as client:
        client.listener.close_idle(LONG_AFTER)  # it ends when all has gone
        await take_turns()
        client.listener.close_idle(LONG_AFTER)
        assert await client.count() < LARGE


async def test_one_that_is_read_after_it_was_told_to_end_gets_all() -> None:
    async with deaf_client(requests=1) as client:
        client.listener.close_idle(LONG_AFTER)
        await take_turns()
        assert await client.count() > LARGE


async def test_one_that_is_read_slowly_is_not_stuck() -> None:
    async with deaf_client(requests=1) as client:
        client.listener.close_idle(LONG_AFTER)  # it ends when all has gone
        for _ in range(3):
            client.listener.close_idle(-1)
            client.sock.setblocking(True)
            assert client.sock.recv(MB, socket.MSG_WAITALL)
            client.sock.setblocking(False)
            await take_turns()
            client.listener.close_idle(0)
        assert await client.count() > LARGE - 3 * MB


async def test_an_operation_may_take_as_long_as_it_likes(line: Line, desk: Desk) -> None:
    desk.may_answer.clear()
    line.send(post(b"abc"))
    await desk.was_asked()
    line.listener.close_idle(LONG_AFTER)
    await take_turns()
    desk.may_answer.set()
    assert (await line.answer())[2] == b"abc"


async def test_an_operation_is_left_alone_also_when_half_a_request_waits_behind_it(
    line: Line, desk: Desk
) -> None:
    """Nobody waits for its body yet."""
    desk.may_answer.clear()
    line.send(post(b"1") + post(b"2")[:-1])
    await desk.was_asked()
    line.listener.close_idle(LONG_AFTER)
    await take_turns()
    desk.may_answer.set()
    assert (await line.answer())[2] == b"1"


# Bodies


async def test_a_body_that_nobody_reads_is_skipped(line: Line, desk: Desk) -> None:
    desk.reads = False
    line.send(post(b"x" * 2 * MB, "/skipped") + get("/next"))
    assert (await line.answer())[1]["x-path"] == "/skipped"
    assert (await line.answer())[1]["x-path"] == "/next"


@IN_PLAIN
@pytest.mark.slow
async def test_a_body_that_nobody_reads_yet_stays_outside(line: Line, desk: Desk) -> None:
    desk.reads = False
    desk.may_answer.clear()
    line.send(post(b"x" * 64 * MB))
    await desk.was_asked()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await line.writer.drain()
    desk.may_answer.set()
    assert (await line.answer())[0] == 200
    await line.writer.drain()


async def test_a_large_body_is_read_by_who_wants_it(line: Line, desk: Desk) -> None:
    desk.limit = 10 * MB
    line.send(post(b"x" * 10 * MB))
    assert len((await line.answer())[2]) == 10 * MB


@pytest.mark.parametrize("expectation", [b"100-continue", b"100-Continue", b"100-continue  "])
async def test_the_body_is_asked_for_when_the_client_waits_for_that(
    line: Line, expectation: bytes
) -> None:
    request = post(b"abc", headers=b"Expect: " + expectation + b"\r\n")
    line.send(request[:-3])
    assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.send(b"abc")
    assert (await line.answer())[2] == b"abc"


async def test_a_body_that_came_unasked_is_not_asked_for(line: Line) -> None:
    line.send(post(b"abc", headers=b"Expect: 100-continue\r\n"))
    assert (await line.answer())[:1] == (200,)


async def test_a_client_that_waits_in_vain_is_left(line: Line, desk: Desk) -> None:
    """It may send the body after all, or another request: nobody could tell."""
    desk.reads = False
    line.send(post(b"abc", headers=b"Expect: 100-continue\r\n")[:-3])
    assert (await line.answer())[1]["connection"] == "close"
    assert await line.is_closed()


async def test_whoever_hangs_up_within_a_body_is_noticed(line: Line, desk: Desk) -> None:
    line.send(post(b"abc")[:-1])
    await desk.was_asked()
    line.writer.close()
    while not desk.hung_up:  # noqa: ASYNC110
        await asyncio.sleep(0)


async def test_an_answer_to_somebody_who_hung_up_is_dropped(
    line: Line, desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.may_answer.clear()
    line.send(get())
    await desk.was_asked()
    line.writer.transport.abort()
    await asyncio.sleep(0.01)
    desk.may_answer.set()
    await asyncio.sleep(0.01)
    assert caplog.records == []


@pytest.mark.slow
async def test_answers_wait_for_a_client_that_reads_slowly(line: Line, desk: Desk) -> None:
    size = 8 * MB  # more than sockets hold
    desk.limit = size
    for _ in range(3):
        line.send(post(b"x" * size))
        await desk.was_asked()
    await asyncio.sleep(0.2)
    for _ in range(3):
        assert len((await line.answer())[2]) == size


# What is no request


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"CONNECT host:1 HTTP/1.1\r\n\r\n",
        "GET /\u00fc HTTP/1.1\r\n\r\n".encode(),
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_refused(line: Line, desk: Desk, garbage: bytes) -> None:
    line.send(garbage)
    assert (await line.answer())[0] == 400
    assert await line.is_closed()
    assert desk.seen == []


async def test_requests_before_garbage_are_answered_first(line: Line, desk: Desk) -> None:
    desk.may_answer.clear()
    line.send(get("/1") + get("/2") + b"garbage\r\n\r\n")
    await desk.was_asked()
    desk.may_answer.set()
    assert [(await line.answer())[0] for _ in range(3)] == [200, 200, 400]
    assert await line.is_closed()


@pytest.mark.parametrize("headers", [b"", CLOSE])
async def test_a_body_that_breaks_is_no_request(line: Line, desk: Desk, headers: bytes) -> None:
    line.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + headers + b"\r\n")
    await desk.was_asked()
    line.send(b"zz\r\n")
    assert (await line.answer())[0] == 400
    assert await line.is_closed()


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"GET /", b"a" * 10_000),
        (b"GET / HTTP/1.1\r\n", b"X: y\r\n" * 2_000),
        (b"GET / HTTP/1.1\r\nX: ", b"a" * 10_000),
    ],
)
async def test_a_head_without_end_is_cut(line: Line, desk: Desk, start: bytes, more: bytes) -> None:
    line.send(start + more * (HEAD_LIMIT // len(more) + 1))
    assert (await line.answer())[0] == 431
    assert desk.seen == []


@pytest.mark.parametrize(
    "head",
    [
        get("/" + "a" * 2 * HEAD_LIMIT),
        get(headers=b"X: " + b"a" * 2 * HEAD_LIMIT + b"\r\n"),
        get(headers=b"a:\r\n" * (HEAD_LIMIT // 2)),
    ],
    ids=["target", "header", "headers"],
)
async def test_a_head_that_is_too_large_is_refused_though_it_is_whole(
    line: Line, desk: Desk, head: bytes
) -> None:
    line.send(get() + head)
    assert (await line.answer())[0] == 200
    assert (await line.answer())[0] == 431
    assert len(desk.seen) == 1


async def test_a_trailer_without_end_is_cut(line: Line, desk: Desk) -> None:
    line.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ")
    for size in (HEAD_LIMIT, 1):  # not in one piece: only what is kept of each counts
        await asyncio.sleep(0.02)
        line.send(b"a" * size)
    assert (await line.answer())[0] == 431


async def test_an_app_that_fails_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Desk):
        async def __call__(self, request: Request) -> Response | None:
            raise RuntimeError("secret")

    async with line_to(Failing()) as line:
        line.send(get())
        status, fields, body = await line.answer()
    assert (status, fields["connection"], body) == (500, "close", b"Internal Server Error")
    assert "secret" in caplog.text


async def test_an_answer_that_cannot_be_written_ends_the_connection_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Mistaken(Desk):
        async def __call__(self, request: Request) -> Response | None:
            return Response(200, cast(Any, {"x-number": 999}))

    async with line_to(Mistaken()) as line:
        line.send(get())
        async with asyncio.timeout(5):
            assert await line.is_closed()
    assert [each.message for each in caplog.records] == ["An answer could not be written."]
    assert "isascii" in caplog.text


# Together


async def test_a_listener_is_empty_when_the_last_answer_is_given() -> None:
    desk = Desk()
    server, sock = HttpServer(desk), socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    listener = await server.listen(sock)
    line = Line(*await asyncio.open_connection(*sock.getsockname()), listener)
    line.send(get())
    await desk.was_asked()
    line.writer.transport.abort()
    draining = asyncio.create_task(listener.drain(10))
    await asyncio.sleep(0.01)
    assert not draining.done()
    desk.may_answer.set()
    assert await draining
    server.close()


async def test_nothing_is_taken_after_the_last_answer(line: Line, desk: Desk) -> None:
    line.send(get("/1", CLOSE) + get("/2"))
    assert (await line.answer())[1]["x-path"] == "/1"
    assert await line.is_closed()
    assert len(desk.seen) == 1
