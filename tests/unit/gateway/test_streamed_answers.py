"""Answers that are written while they come to be, on real sockets."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from lambdad.errors import ResponseBrokenOff
from lambdad.gateway.connections import App
from lambdad.gateway.http import Request, Response
from lambdad.gateway.server import KEEP_ALIVE_SECONDS, HttpServer, Listener

pytestmark = pytest.mark.timeout(20)
GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"
MB = 1 << 20


class Source:
    """An app whose answers have what is put into it; `None` is their end."""

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.status = 200
        self.taken = 0
        self.ends_with_client = False
        self.ended = 0
        self.closed = 0

    def put(self, *pieces: bytes | Exception | None) -> None:
        for piece in pieces:
            self.pieces.put_nowait(piece)

    async def __call__(self, request: Request) -> Response:
        return Response(
            self.status,
            {"x-path": request.raw_path},
            stream=self._stream(),
            ends_with_client=self.ends_with_client,
        )

    async def _stream(self) -> AsyncIterator[bytes]:
        try:
            while (piece := await self.pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                self.taken += 1
                yield piece
            self.ended += 1
        finally:
            self.closed += 1


class Line:
    """A client's end."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listener: Listener
    ) -> None:
        self.reader, self.writer, self.listener = reader, writer, listener

    async def ask(self, request: bytes = GET) -> str:
        self.writer.write(request)
        return (await self.reader.readuntil(b"\r\n\r\n")).decode()

    async def chunk(self) -> bytes:
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]


@pytest.fixture
async def source() -> Source:
    return Source()


@asynccontextmanager
async def line_to(source: App) -> AsyncIterator[Line]:
    server, sock = HttpServer(source), socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    listener = await server.listen(sock)
    line = Line(*await asyncio.open_connection(*sock.getsockname()), listener)
    try:
        yield line
    finally:
        line.writer.close()
        server.close()
        await asyncio.sleep(0)


@pytest.fixture
async def line(source: Source) -> AsyncIterator[Line]:
    async with line_to(source) as line:
        yield line


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - there is no event for each
            await asyncio.sleep(0)


async def test_each_piece_arrives_before_the_next_is_there(line: Line, source: Source) -> None:
    head = await line.ask()
    assert "transfer-encoding: chunked\r\n" in head
    assert "content-length" not in head
    for piece in (b"one", b"two"):
        source.put(piece)
        assert await line.chunk() == piece
    source.put(None)
    assert await line.chunk() == b""


async def test_the_connection_serves_the_next_request(line: Line, source: Source) -> None:
    source.put(b"one", None, b"two", None)
    await line.ask(GET + GET.replace(b"/ ", b"/next "))
    assert (await line.chunk(), await line.chunk()) == (b"one", b"")
    assert "x-path: /next" in await line.ask(b"")
    assert (await line.chunk(), await line.chunk()) == (b"two", b"")


async def test_an_empty_piece_is_not_the_end(line: Line, source: Source) -> None:
    source.put(b"", b"one", b"", None)
    await line.ask()
    assert (await line.chunk(), await line.chunk()) == (b"one", b"")


async def test_a_client_of_http_1_0_reads_to_the_end_of_the_connection(
    line: Line, source: Source
) -> None:
    source.put(b"one", b"two", None)
    head = await line.ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert "transfer-encoding" not in head
    assert "content-length" not in head
    assert "connection: close\r\n" in head
    assert await line.reader.read() == b"onetwo"


async def test_head_has_no_body_and_the_stream_ends_all_the_same(
    line: Line, source: Source
) -> None:
    source.put(b"one", None, None)
    await line.ask(b"HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")
    assert "200" in await line.ask()
    assert await line.chunk() == b""
    assert source.ended == 2


async def test_a_client_that_does_not_read_holds_the_stream_up(line: Line, source: Source) -> None:
    source.put(*[bytes(MB)] * 64, None)
    await line.ask()
    taken = -1
    while taken != source.taken:
        taken = source.taken
        await asyncio.sleep(0.05)
    assert taken < 64
    for _ in range(64):
        assert len(await line.chunk()) == MB
    assert await line.chunk() == b""


async def test_a_stream_may_end_with_its_client(line: Line, source: Source) -> None:
    source.ends_with_client = True
    source.put(b"one")
    await line.ask()
    assert await line.chunk() == b"one"
    line.writer.transport.abort()
    async with asyncio.timeout(5):
        while not source.closed:
            source.put(b"one")
            await asyncio.sleep(0.001)
    assert source.ended == 0


async def test_a_stream_that_ends_with_its_client_ends_when_the_server_does(
    line: Line, source: Source
) -> None:
    source.ends_with_client = True
    source.put(b"one")
    await line.ask()
    assert await line.chunk() == b"one"
    draining = asyncio.create_task(line.listener.drain(5))
    await asyncio.sleep(0)
    source.put(b"two")
    assert await line.chunk() == b""
    await draining


async def test_a_client_that_hangs_up_does_not_end_the_stream(line: Line, source: Source) -> None:
    await line.ask()
    line.writer.transport.abort()
    while list(line.listener._connections):
        source.put(b"one")
        await asyncio.sleep(0)
    source.put(b"two", None)
    await until(lambda: source.ended == 1)
    assert await line.listener.drain(5)


async def test_a_listener_drains_when_its_last_stream_has_ended(line: Line, source: Source) -> None:
    await line.ask()
    draining = asyncio.create_task(line.listener.drain(5))
    source.put(b"one", None)
    assert (await line.chunk(), await line.chunk()) == (b"one", b"")
    assert await draining
    assert await line.reader.read() == b""


async def test_a_stream_that_breaks_off_has_no_end(
    line: Line, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    source.put(b"one", ResponseBrokenOff())
    await line.ask()
    assert await line.reader.read() == b"3\r\none\r\n"
    assert caplog.records == []


async def test_a_client_of_http_1_0_sees_that_a_stream_broke_off(
    line: Line, source: Source
) -> None:
    await line.ask(b"GET / HTTP/1.0\r\n\r\n")
    source.put(b"one", ResponseBrokenOff())
    with pytest.raises(ConnectionResetError):
        await line.reader.read()


@pytest.mark.parametrize("status", [204, 304])
async def test_what_has_no_body_ends_with_its_head(line: Line, source: Source, status: int) -> None:
    source.status = status
    source.put(b"one", None, None)
    assert "transfer-encoding" not in await line.ask()
    source.status = 200
    assert "200" in await line.ask()
    assert await line.chunk() == b""


async def test_a_connection_is_idle_behind_its_last_answer(line: Line, source: Source) -> None:
    await until(lambda: len(list(line.listener._connections)) == 1)
    (connection,) = line.listener._connections
    source.put(b"one", None)
    await line.ask(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert await line.reader.read() == b"3\r\none\r\n0\r\n\r\n"
    assert connection.idle_since is not None  # so who does not read it is given up


async def test_a_mistake_of_ours_is_logged_and_leaves_no_end(
    line: Line, source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    source.put(b"one", ValueError("ours"))
    await line.ask()
    assert await line.reader.read() == b"3\r\none\r\n"
    assert [each.message for each in caplog.records] == ["A request could not be answered."]


async def test_a_stream_that_is_silent_for_long_is_left_alone(line: Line, source: Source) -> None:
    await line.ask()
    for connection in line.listener._connections:
        connection.end_if_stuck(10 * KEEP_ALIVE_SECONDS)
    source.put(b"one", None)
    assert (await line.chunk(), await line.chunk()) == (b"one", b"")


async def test_a_client_that_does_not_read_for_long_is_given_up(line: Line, source: Source) -> None:
    source.put(*[bytes(MB)] * 64, None)
    await line.ask()
    (connection,) = line.listener._connections
    await until(lambda: connection._answers.is_held_up)
    connection.end_if_stuck(10 * KEEP_ALIVE_SECONDS)
    await until(lambda: source.ended == 1)


async def test_a_client_that_has_said_all_still_hears_the_answer(
    line: Line, source: Source
) -> None:
    line.writer.write(GET + GET)
    line.writer.write_eof()
    source.put(b"one", None, b"two", None)
    answers = await line.reader.read()
    assert answers.count(b"HTTP/1.1 200") == 2
    assert answers.endswith(b"two\r\n0\r\n\r\n")
