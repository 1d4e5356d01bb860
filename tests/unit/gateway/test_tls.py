"""What TLS does beneath a connection; test_connection.py drives one through it from above."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from lambdad.gateway.body import ClientDisconnected
from lambdad.gateway.http import Request, Response
from lambdad.gateway.server import HttpServer, Listener
from support.certificates import client_context, server_context

pytestmark = pytest.mark.timeout(20)
MB = 1 << 20
LARGE = 16 * MB  # more than sockets hold
GET = b"GET /p HTTP/1.1\r\nHost: localhost\r\n\r\n"
LONG_AFTER = 1_000_000


@dataclass
class Desk:
    """An app that answers with the body and with what the request is reached by, when it may."""

    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    answer: bytes = b""

    async def __call__(self, request: Request) -> Response | None:
        self.is_asked.set()
        await self.may_answer.wait()
        try:
            await request.read_body(4 * LARGE)
        except ClientDisconnected:
            return None
        return Response(200, {"x-url": request.endpoint_url}, self.answer or request.body)


@dataclass
class Door:
    """A listener that speaks https, and how it is reached."""

    desk: Desk
    listener: Listener
    address: tuple[str, int]

    def call(self, *versions: ssl.TLSVersion, small_buffer: bool = False) -> ssl.SSLSocket:
        """A blocking client, which shakes hands; to be used in a thread."""
        sock = socket.socket()
        if small_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(5)
        sock.connect(self.address)
        trust = client_context(*versions)
        return trust.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    desk, sock = Desk(), socket.create_server(("127.0.0.1", 0))
    desk.may_answer.set()
    sock.setblocking(False)
    server, address = HttpServer(desk), sock.getsockname()
    listener = await server.listen(sock, tls=server_context())
    yield Door(desk, listener, address)
    server.close()
    await asyncio.sleep(0)


def read_all(client: ssl.SSLSocket) -> bytes:
    """Everything until the end, which a farewell must announce."""
    received = bytearray()
    while data := client.recv(MB):
        received += data
    return bytes(received)


def read_answer(client: ssl.SSLSocket) -> tuple[bytes, bytes]:
    """Head and body of one answer."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += client.recv(MB)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    pieces = [body]
    while (missing := length - sum(map(len, pieces))) > 0:
        pieces.append(client.recv(missing))
    return head, b"".join(pieces)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_request_knows_that_it_came_by_https(door: Door, version: ssl.TLSVersion) -> None:
    def ask() -> bytes:
        with door.call(version) as client:
            assert client.version() == version.name.replace("_", ".")
            client.sendall(GET)
            return read_answer(client)[0]

    assert b"x-url: https://localhost\r\n" in await asyncio.to_thread(ask)


async def test_a_handshake_in_single_bytes_is_a_handshake(door: Door) -> None:
    # Given a client whose every byte travels alone
    reader, writer = await asyncio.open_connection(*door.address)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")

    async def send() -> None:
        for byte in outgoing.read():
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async def until_done(step: Callable[[], bytes | None]) -> bytes | None:
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                await send()
                incoming.write(await reader.read(1))
            else:
                await send()
                return done

    # When
    await until_done(client.do_handshake)
    client.write(GET)
    await send()
    # Then
    assert b"HTTP/1.1 200 OK" in (await until_done(lambda: client.read(MB)) or b"")
    writer.close()


async def test_large_bodies_travel_both_ways_on_one_connection(door: Door) -> None:
    body = bytes(range(256)) * (LARGE // 256)

    def ask() -> None:
        with door.call() as client:
            for _ in range(2):
                head = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body)
                client.sendall(head + body)
                assert read_answer(client)[1] == body

    await asyncio.to_thread(ask)


@pytest.mark.slow
async def test_a_body_that_nobody_reads_yet_stays_outside(door: Door) -> None:
    # Given
    door.desk.may_answer.clear()
    size = 3 * LARGE
    loop = asyncio.get_running_loop()

    def ask() -> None:
        with door.call() as client:
            client.sendall(b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % size)
            client.settimeout(0.3)
            sent = 0
            # When
            try:
                while sent < size:
                    sent += client.send(bytes(16 * 1024))
            except TimeoutError:
                pass
            # Then it waits, until somebody reads
            assert sent < size // 2
            loop.call_soon_threadsafe(door.desk.may_answer.set)
            client.settimeout(5)
            client.sendall(bytes(size - sent))
            assert len(read_answer(client)[1]) == size

    await asyncio.to_thread(ask)


async def test_the_last_answer_is_followed_by_a_farewell(door: Door) -> None:
    def ask() -> bytes:
        with door.call() as client:
            client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            return read_all(client)

    assert b"connection: close" in await asyncio.to_thread(ask)


async def test_a_listener_drains_without_the_farewell_of_idle_clients(door: Door) -> None:
    # Given
    client = await asyncio.to_thread(door.call)
    client.setblocking(False)
    # When
    async with asyncio.timeout(1):
        assert await door.listener.drain(5)
    # Then
    client.settimeout(5)
    assert await asyncio.to_thread(read_all, client) == b""
    client.close()


async def test_a_client_that_says_farewell_is_left(door: Door) -> None:
    def leave() -> bytes:
        with door.call() as client:
            client.settimeout(5)
            raw = client.unwrap()
            return raw.recv(1)

    assert await asyncio.to_thread(leave) == b""


async def test_a_client_that_never_reads_is_ended(door: Door) -> None:
    # Given an answer that does not fit, and another one behind it
    door.desk.answer = bytes(LARGE)
    client = await asyncio.to_thread(lambda: door.call(small_buffer=True))
    client.sendall(GET * 2)
    await door.desk.is_asked.wait()
    await asyncio.sleep(0.05)
    # When
    door.listener.close_idle(LONG_AFTER)
    # Then it is cut off, without a farewell
    with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
        await asyncio.to_thread(read_all, client)
    client.close()


async def test_an_answer_that_is_read_late_is_whole(door: Door) -> None:
    door.desk.answer = bytes(LARGE)
    client = await asyncio.to_thread(lambda: door.call(small_buffer=True))
    client.sendall(GET)
    await door.desk.is_asked.wait()
    await asyncio.sleep(0.05)
    door.listener.close_idle(LONG_AFTER)  # it ends when all has gone
    assert (await asyncio.to_thread(read_all, client)).endswith(b"\r\n\r\n" + door.desk.answer)
    client.close()


async def test_what_is_no_tls_any_more_ends_the_connection(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    def spoil() -> bytes:
        with door.call() as client, socket.socket(fileno=client.detach()) as raw:
            raw.settimeout(5)
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            received = b""
            while data := raw.recv(MB):
                received += data
            return received

    assert b"HTTP" not in await asyncio.to_thread(spoil)
    assert caplog.records == []


async def test_an_answer_to_somebody_who_hung_up_is_dropped(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    door.desk.may_answer.clear()
    door.desk.answer = bytes(LARGE)
    client = await asyncio.to_thread(door.call)
    client.sendall(GET)
    await door.desk.is_asked.wait()
    # When
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    client.close()
    door.desk.may_answer.set()
    # Then
    assert await door.listener.drain(5)
    assert caplog.records == []
