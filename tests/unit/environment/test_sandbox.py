"""What a function can make the node keep through its Runtime API."""

from __future__ import annotations

import asyncio

from stage import INVOCATION, Stage

from lambdad.environment.sandbox import Sandbox

ENOUGH = 300


def sandbox_of(environment: object) -> Sandbox:
    sandbox = environment._sandbox  # type: ignore[attr-defined]
    assert isinstance(sandbox, Sandbox)
    return sandbox


async def connect(stage: Stage) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = stage.launcher.sandboxes[0].variables["AWS_LAMBDA_RUNTIME_API"].split(":")
    return await asyncio.open_connection(host, int(port))


async def test_a_connection_that_is_gone_is_forgotten(stage: Stage) -> None:
    """Many clients make a new one for every call, and its last body must not stay."""
    # Given
    environment = stage.make_environment()
    await environment.invoke(INVOCATION)
    sandbox = sandbox_of(environment)
    before = len(sandbox._connections)
    # When
    for _ in range(5):
        reader, writer = await connect(stage)
        writer.write(b"POST /x HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc")
        assert await reader.readline() == b"HTTP/1.1 404 Not Found\r\n"
        await reader.read()
        writer.close()
        await writer.wait_closed()
    await asyncio.sleep(0.01)
    # Then
    assert len(sandbox._connections) == before


async def test_a_function_cannot_take_the_nodes_descriptors(stage: Stage) -> None:
    """A runtime and its extensions need a handful of connections, not hundreds."""
    # Given
    environment = stage.make_environment()
    await environment.invoke(INVOCATION)
    # When
    connections = [await connect(stage) for _ in range(ENOUGH)]
    await asyncio.sleep(0.01)
    # Then
    held = sum(not reader.at_eof() for reader, _ in connections)
    for _, writer in connections:
        writer.close()
    await asyncio.gather(*(w.wait_closed() for _, w in connections), return_exceptions=True)
    assert held < ENOUGH


async def test_the_end_of_the_sandbox_ends_its_connections(stage: Stage) -> None:
    environment = stage.make_environment()
    await environment.invoke(INVOCATION)
    reader, writer = await connect(stage)
    await asyncio.sleep(0.01)
    environment.stop()
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    await environment.ended()
