"""The channel between who writes a response and who reads it."""

from __future__ import annotations

import asyncio

from lambdad.model.response_stream import HIGH_WATER, ResponseStream


def begun(limit: int = 1_000_000) -> ResponseStream:
    stream = ResponseStream(limit)
    stream.begin("text/plain")
    return stream


async def test_the_reader_gets_all_that_came_and_then_the_end() -> None:
    stream = begun()
    stream.feed(b"a")
    stream.feed(b"b")
    assert await stream.read() == b"ab"
    stream.feed(b"c")
    stream.end()
    assert await stream.read() == b"c"
    assert await stream.read() == b""
    assert await stream.read() == b""


async def test_a_reader_that_waits_has_the_first_bytes_at_once() -> None:
    stream = begun()
    reader = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    assert not reader.done()
    stream.feed(b"first")
    assert await reader == b"first"


async def test_the_beginning_is_known_before_anything_is_written() -> None:
    stream = ResponseStream(1)
    waiting = asyncio.create_task(stream.wait_begun())
    await asyncio.sleep(0)
    assert not waiting.done()
    stream.begin("text/html")
    await waiting
    assert stream.content_type == "text/html"


async def test_an_invocation_that_ends_without_a_stream_leaves_nobody_waiting() -> None:
    stream = ResponseStream(1)
    waiting = asyncio.create_task(stream.wait_begun())
    await asyncio.sleep(0)
    stream.end()
    await waiting
    assert not stream.has_begun
    assert await stream.read() == b""


async def test_a_full_stream_has_room_when_it_has_been_read() -> None:
    stream = begun()
    stream.feed(bytes(HIGH_WATER))
    told: list[str] = []
    stream.when_room(lambda: told.append("room"))
    assert stream.is_full
    assert len(await stream.read()) == HIGH_WATER
    assert told == ["room"]
    assert not stream.is_full


async def test_without_a_reader_the_writer_never_waits() -> None:
    stream = begun()
    stream.feed(bytes(HIGH_WATER))
    stream.abandon()
    stream.feed(bytes(HIGH_WATER))
    assert not stream.is_full
    stream.end()
    assert await stream.read() == b""


async def test_what_is_too_much_does_not_reach_the_reader() -> None:
    told: list[str] = []
    stream = ResponseStream(3)
    stream.begin("text/plain", lambda: told.append("overflow"))
    stream.feed(b"123")
    stream.feed(b"4")
    stream.feed(b"5")
    stream.end()
    assert told == ["overflow"]
    assert await stream.read() == b"123"
    assert await stream.read() == b""


async def test_what_comes_after_the_end_is_dropped() -> None:
    stream = begun()
    stream.end()
    stream.feed(b"late")
    assert await stream.read() == b""
