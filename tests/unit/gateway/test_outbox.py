"""What is sent in one turn goes out at its end, in order, whoever has gone meanwhile."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from typing import cast

import pytest

from lambdad.gateway.outbox import Outbox


class Wire:
    """A transport, and the other end of it."""

    def __init__(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.theirs.setblocking(False)

    async def transport(self) -> asyncio.Transport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(asyncio.Protocol, sock=self.ours)
        return cast(asyncio.Transport, transport)

    async def arrived(self) -> bytes:
        async with asyncio.timeout(5):
            return await asyncio.get_running_loop().sock_recv(self.theirs, 100)


@pytest.fixture
def wires() -> Iterator[tuple[Wire, Wire]]:
    wires = Wire(), Wire()
    yield wires
    for wire in wires:
        wire.theirs.close()


async def test_pieces_arrive_in_order_and_the_last_closes(wires: tuple[Wire, Wire]) -> None:
    outbox, transport = Outbox(), await wires[0].transport()
    outbox.send(transport, (b"a", b"b"))
    outbox.send(transport, (b"c",), is_last=True)
    arrived = b""
    while more := await wires[0].arrived():
        arrived += more
    assert arrived == b"abc"
    (await wires[1].transport()).close()


async def test_whoever_is_gone_keeps_nothing_from_others(wires: tuple[Wire, Wire]) -> None:
    outbox, gone, there = Outbox(), await wires[0].transport(), await wires[1].transport()
    outbox.send(gone, (b"lost",))
    outbox.send(there, (b"sent",))
    gone.abort()
    assert await wires[1].arrived() == b"sent"
    outbox.send(gone, (b"lost",), is_last=True)
    outbox.send(there, (), is_last=True)
    assert await wires[1].arrived() == b""


class Broken:
    """A transport that cannot send."""

    is_aborted = False

    def is_closing(self) -> bool:
        return False

    def writelines(self, pieces: object) -> None:
        raise RuntimeError("broken")

    def abort(self) -> None:
        self.is_aborted = True


async def test_one_that_cannot_send_costs_the_others_nothing(
    wires: tuple[Wire, Wire], caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    outbox, broken = Outbox(), Broken()
    first, last = await wires[0].transport(), await wires[1].transport()
    # When
    for transport in (first, broken, last):
        outbox.send(cast(asyncio.Transport, transport), (b"sent",), is_last=True)
    # Then
    assert await wires[0].arrived() == await wires[1].arrived() == b"sent"
    assert broken.is_aborted
    assert [(each.levelno, each.message) for each in caplog.records] == [
        (logging.ERROR, "An answer could not be sent."),
    ]
