"""The node's side of the channel to a new sandbox."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

import pytest

from lambdad.environment.handshake import Handshake
from lambdad.errors import PlatformError
from lambdad.launcher import entering, packets


async def test_variables_go_in_and_listeners_come_out() -> None:
    # Given
    handshake = Handshake({"A": "1"})
    inside = packets.from_descriptor(os.dup(handshake.theirs.fileno()))
    handshake.close_theirs()
    # When
    with inside:
        variables = entering.receive_assignment(inside, entering.open_listeners(0, 0))
    handed = await handshake.receive()
    # Then
    assert variables["A"] == "1"
    host, port = handed.runtime_api.getsockname()
    assert variables["AWS_LAMBDA_RUNTIME_API"] == f"{host}:{port}"
    handed.runtime_api.close()
    handed.endpoint.close()
    if handed.memory is not None:
        os.close(handed.memory)


async def test_a_sandbox_that_is_slow_is_waited_for() -> None:
    handshake = Handshake({})
    receiving = asyncio.create_task(handshake.receive())
    await asyncio.sleep(0)
    assert not receiving.done()
    packets.send(handshake.theirs, {"failed": "in the end"})
    with pytest.raises(PlatformError, match="in the end"):
        await receiving
    handshake.close_theirs()


async def test_the_last_word_of_a_sandbox_that_fails_is_heard() -> None:
    """It never came to read its assignment, and the kernel says so before it hands the word out."""
    handshake = Handshake({"A": "1"})
    packets.send(handshake.theirs, {"failed": "no more mounts"})
    handshake.close_theirs()
    with pytest.raises(PlatformError, match="no more mounts"):
        await handshake.receive()


async def test_a_sandbox_that_ends_without_a_word_is_our_failure() -> None:
    handshake = Handshake({})
    handshake.close_theirs()
    with pytest.raises(PlatformError, match="ended before it was ready"):
        await handshake.receive()


async def test_listeners_that_did_not_arrive_are_our_failure(
    open_descriptors: Callable[[], set[str]],
) -> None:
    """The kernel drops those for which this process has no descriptor left."""
    before = open_descriptors()
    handshake = Handshake({})
    with socket.socket() as one:
        packets.send(handshake.theirs, {"listeners": ["a", "b"]}, [one.fileno()])
    handshake.close_theirs()
    with pytest.raises(PlatformError):
        await handshake.receive()
    assert open_descriptors() == before


async def test_giving_up_leaves_no_descriptor(open_descriptors: Callable[[], set[str]]) -> None:
    before = open_descriptors()
    handshake = Handshake({})
    receiving = asyncio.create_task(handshake.receive())
    await asyncio.sleep(0)
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    handshake.close_theirs()
    assert open_descriptors() == before
