"""The node's side of the channel to a new sandbox."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdad.environment.handshake import Handed, Handshake
from lambdad.errors import PlatformError
from lambdad.launcher import entering, packets


def inside_of(handshake: Handshake) -> socket.socket:
    """The sandbox's end of the channel, as it is inherited."""
    inside = packets.from_descriptor(os.dup(handshake.theirs.fileno()))
    handshake.close_theirs()
    return inside


def close(handed: Handed) -> None:
    for listener in handed.listeners or ():
        listener.close()
    for descriptor in (handed.memory, handed.tmp):
        if descriptor is not None:
            os.close(descriptor)


async def test_variables_go_in_and_listeners_come_out() -> None:
    # Given
    handshake = Handshake({"A": "1"})
    # When
    with inside_of(handshake) as inside:
        variables = entering.receive_assignment(inside, entering.open_listeners())
    handed = await handshake.receive()
    # Then
    assert variables["A"] == "1"
    assert handed.listeners is not None
    host, port = handed.listeners.runtime_api.getsockname()
    assert variables["AWS_LAMBDA_RUNTIME_API"] == f"{host}:{port}"
    host, port = handed.listeners.endpoint.getsockname()
    assert variables["AWS_ENDPOINT_URL"] == f"http://{host}:{port}"
    close(handed)


async def test_a_sandbox_that_runs_again_hands_out_no_listeners() -> None:
    handshake = Handshake({"A": "1"})
    with inside_of(handshake) as inside:
        variables = entering.receive_assignment(inside, [])
    handed = await handshake.receive()
    assert variables["A"] == "1"
    assert handed.listeners is None
    close(handed)


@pytest.mark.parametrize("has_listeners", [True, False])
async def test_views_of_memory_and_tmp_come_out_beside_them(
    tmp_path: Path, has_listeners: bool
) -> None:
    # Given
    handshake = Handshake({})
    listeners = entering.open_listeners() if has_listeners else []
    # When
    with inside_of(handshake) as inside:
        entering.receive_assignment(inside, listeners, str(tmp_path))
    handed = await handshake.receive()
    # Then
    assert handed.tmp is not None
    assert os.path.samestat(os.fstat(handed.tmp), os.stat(str(tmp_path)))
    assert handed.memory is not None
    assert len(os.pread(handed.memory, 100, 0).split()) == 7  # as statm has
    close(handed)


@pytest.mark.parametrize(
    ("names", "listens", "memory", "tmp"),
    [
        ([], False, False, False),
        (["memory"], False, True, False),
        (["tmp"], False, False, True),
        (["runtime_api", "endpoint", "xray_daemon"], True, False, False),
        (["tmp", "endpoint", "xray_daemon", "memory", "runtime_api"], True, True, True),
    ],
)
async def test_whatever_is_handed_out_is_known_by_its_name(
    names: list[str], listens: bool, memory: bool, tmp: bool
) -> None:
    # Given
    handshake = Handshake({})
    with socket.socket() as one:
        packets.send(handshake.theirs, {"handed": names}, [one.fileno()] * len(names))
    handshake.close_theirs()
    # When
    handed = await handshake.receive()
    # Then
    found = (handed.listeners is not None, handed.memory is not None, handed.tmp is not None)
    assert found == (listens, memory, tmp)
    close(handed)


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


async def test_what_did_not_arrive_is_our_failure(
    open_descriptors: Callable[[], set[str]],
) -> None:
    """The kernel drops those for which this process has no descriptor left."""
    before = open_descriptors()
    handshake = Handshake({})
    with socket.socket() as one:
        packets.send(handshake.theirs, {"handed": ["runtime_api", "endpoint"]}, [one.fileno()])
    handshake.close_theirs()
    with pytest.raises(PlatformError, match="no descriptor left"):
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
