"""A body that comes in pieces, is read up to a limit, and may never come whole."""

from __future__ import annotations

import asyncio

import pytest

from lambdad.gateway.body import HIGH_WATER, Body, BodyTooLargeError, ClientDisconnected


async def waiting(body: Body, limit: int = 10) -> asyncio.Task[bytes]:
    """Somebody who reads `body` and has begun to wait."""
    reading = asyncio.create_task(body.read(limit))
    await asyncio.sleep(0)
    return reading


async def test_pieces_are_joined() -> None:
    body = Body()
    body.feed(b"ab")
    reading = await waiting(body)
    for piece in (b"", b"cd"):
        body.feed(piece)
        await asyncio.sleep(0)
    assert not reading.done()
    body.finish()
    assert await reading == b"abcd"


async def test_a_body_that_is_there_needs_no_waiting() -> None:
    asked: list[None] = []
    body = Body(lambda: asked.append(None))
    body.feed(b"ab")
    body.finish()
    assert await body.read(2) == b"ab"
    assert asked == []


async def test_whoever_waits_asks_for_more() -> None:
    asked: list[None] = []
    body = Body(lambda: asked.append(None))
    reading = await waiting(body)
    assert asked == [None]
    body.finish()
    assert await reading == b""


async def test_too_much_is_an_error_before_all_of_it_is_there() -> None:
    body = Body()
    reading = await waiting(body, 3)
    body.feed(b"abcd")
    with pytest.raises(BodyTooLargeError):
        await reading


async def test_a_body_of_just_the_size_is_read() -> None:
    assert await Body.of(b"abcd").read(4) == b"abcd"
    with pytest.raises(BodyTooLargeError):
        await Body.of(b"abcd").read(3)


async def test_a_body_that_is_lost_has_no_reader() -> None:
    body = Body()
    reading = await waiting(body)
    body.lose()
    with pytest.raises(ClientDisconnected):
        await reading


async def test_a_body_piles_up_only_while_nobody_reads_it() -> None:
    body = Body()
    body.feed(b"x" * (HIGH_WATER + 1))
    assert body.is_piling_up
    reading = await waiting(body, 1 << 20)
    assert not body.is_piling_up
    body.finish()
    assert len(await reading) == HIGH_WATER + 1


async def test_nothing_is_kept_of_a_body_that_nobody_wants() -> None:
    body = Body()
    body.feed(b"x" * (HIGH_WATER + 1))
    body.drop()
    body.feed(b"x" * (HIGH_WATER + 1))
    assert not body.is_piling_up
