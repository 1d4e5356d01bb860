"""One port for http and https, and what those cost who say nothing."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from lambdad.gateway.arrivals import ARRIVAL_SECONDS, Arrivals, begins_tls
from lambdad.gateway.http import Request, Response
from lambdad.gateway.pulse import Pulse
from lambdad.gateway.server import HttpServer, Listener
from support.certificates import client_context, server_context

pytestmark = pytest.mark.timeout(20)
GET = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "is_tls"),
    [
        (b"\x16", True),
        (b"\x16\x03\x01\x02\x00", True),
        (b"GET / HTTP/1.1\r\n", False),
        (b"\x80\x2e\x01", False),
        (b"\r\n", False),
        (b"\x15\x03", False),
    ],
)
def test_the_first_byte_tells_what_a_client_speaks(data: bytes, is_tls: bool) -> None:
    assert begins_tls(data) is is_tls


# Who waits


class Silent(asyncio.Transport):
    """A connection on which nothing comes."""

    is_aborted = False

    def abort(self) -> None:
        self.is_aborted = True


def arrivals_with(pulse: Pulse, limit: int = 10) -> Arrivals:
    return Arrivals(server_context(), pulse, asyncio.Protocol, limit)


def test_whoever_says_nothing_for_long_is_ended_and_nobody_else() -> None:
    # Given
    pulse = Pulse()
    arrivals = arrivals_with(pulse)
    early, settled, late = Silent(), Silent(), Silent()
    arrivals.add(early)
    arrivals.add(settled)
    arrivals.remove(settled)
    pulse.seconds = 1
    arrivals.add(late)
    # When
    pulse.seconds = ARRIVAL_SECONDS
    arrivals.end_late()
    # Then
    assert [each.is_aborted for each in (early, settled, late)] == [True, False, False]
    pulse.seconds += 1
    arrivals.end_late()
    assert late.is_aborted


def test_of_too_many_the_one_that_has_waited_for_longest_is_ended() -> None:
    arrivals = arrivals_with(Pulse(), limit=2)
    waiting = [Silent() for _ in range(4)]
    for each in waiting:
        arrivals.add(each)
    assert [each.is_aborted for each in waiting] == [True, True, False, False]
    arrivals.end_all()
    assert all(each.is_aborted for each in waiting)


# On a real port


@dataclass
class Door:
    """A listener that speaks http and https."""

    listener: Listener
    address: tuple[str, int]

    async def ask(self, trust: ssl.SSLContext | None = None) -> bytes:
        reader, writer = await asyncio.open_connection(*self.address, ssl=trust)
        writer.write(GET)
        answer = await reader.read()
        writer.close()
        return answer


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    async def app(request: Request) -> Response:
        return Response(200, {}, request.scheme.encode())

    server, sock = HttpServer(app), socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    address = sock.getsockname()
    listener = await server.listen(sock, tls=server_context(), max_connections=8)
    yield Door(listener, address)
    server.close()
    await asyncio.sleep(0)


async def test_http_and_https_are_spoken_on_one_port_at_one_time(door: Door) -> None:
    answers = await asyncio.gather(*(door.ask(), door.ask(client_context())) * 3)
    assert [answer.rpartition(b"\r\n\r\n")[2] for answer in answers] == [b"http", b"https"] * 3


async def test_slow_handshakes_keep_nobody_waiting(door: Door) -> None:
    # Given more clients than there may be connections, with half a greeting or none
    slow = [await asyncio.open_connection(*door.address) for _ in range(20)]
    for _, writer in slow[::2]:
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01")
    # When / Then
    assert (await door.ask(client_context())).endswith(b"https")
    assert (await door.ask()).endswith(b"http")
    for _, writer in slow:
        writer.close()


@pytest.mark.parametrize(
    "garbage", [b"\x16" * 100, b"\x16\x03\x01\x00\x04GET ", b"\x16\x00\r\n\r\n"]
)
async def test_garbage_in_place_of_a_handshake_ends_the_connection_in_silence(
    door: Door, garbage: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    reader, writer = await asyncio.open_connection(*door.address)
    writer.write(garbage)
    assert b"HTTP" not in await reader.read()
    writer.close()
    assert await door.listener.drain(5)
    assert (caplog.records, capfd.readouterr().err) == ([], "")


async def test_whoever_leaves_before_a_word_leaves_nothing_behind(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    _, silent = await asyncio.open_connection(*door.address)
    _, greeting = await asyncio.open_connection(*door.address)
    greeting.write(b"\x16\x03")
    for writer in (silent, greeting):
        writer.close()
    assert (await door.ask(client_context())).endswith(b"https")
    assert caplog.records == []


async def test_draining_does_not_wait_for_who_has_asked_nothing(door: Door) -> None:
    # Given
    silent = await asyncio.open_connection(*door.address)
    greeting = await asyncio.open_connection(*door.address)
    greeting[1].write(b"\x16\x03")
    await door.ask()  # so that both have been accepted
    # When
    async with asyncio.timeout(1):
        assert await door.listener.drain(5)
    # Then
    for reader, writer in (silent, greeting):
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass
        writer.close()


@pytest.mark.slow
@pytest.mark.servers_loop_only  # asyncio's logs as many errors as its backlog is long
async def test_without_descriptors_nothing_ends_and_later_arrivals_are_served(door: Door) -> None:
    with ExitStack() as held:
        # Given clients that have their descriptors already, and none for who accepts them
        clients = [held.enter_context(socket.socket()) for _ in range(20)]
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        used = max(int(name) for name in os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, limits[1]))
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        for client in clients:
            client.setblocking(False)
            client.connect_ex(door.address)
        # When
        spent = time.process_time()
        await asyncio.sleep(1)
        # Then it does not ask again and again
        assert time.process_time() - spent < 0.5
    assert (await door.ask(client_context())).endswith(b"https")
