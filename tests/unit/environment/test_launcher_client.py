"""The node's side of the socket to the launcher, which is played by the test."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from stage import happens

from lambdad.environment.launcher_client import Gauges, LauncherClient
from lambdad.errors import PlatformError
from lambdad.launcher import messages, packets
from lambdad.launcher.contract import Order
from lambdad.launcher.messages import Exited, Hello, NotStarted, Prepare, Prepared, Start, Started

ORDER = Order("e1", "python3.12", "000000000000", "c0de", 128, 512)


class Played:
    """A client, and the launcher's end of its socket."""

    def __init__(self) -> None:
        self.launcher, theirs = packets.socket_pair()
        self.launcher.setblocking(False)
        self.gone = 0
        messages.send(self.launcher, Hello("stub", []))
        self.client = LauncherClient(theirs, on_gone=self._count)
        self.client.listen()
        self._theirs = theirs

    def _count(self) -> None:
        self.gone += 1

    async def hear(self) -> tuple[messages.Message, list[int]]:
        """What the client said; who plays the launcher owns the descriptors."""
        while True:
            try:
                packet = packets.receive(self.launcher)
            except BlockingIOError:
                await asyncio.sleep(0)
                continue
            assert packet is not None
            return messages.decode(packet[0]), packet[1]

    async def hear_start(self) -> Order:
        message, descriptors = await self.hear()
        assert isinstance(message, Start)
        for descriptor in descriptors:
            os.close(descriptor)
        return message.order

    def say(self, message: messages.Message, descriptors: tuple[int, ...] = ()) -> None:
        messages.send(self.launcher, message, descriptors)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._theirs.fileno())
        asyncio.get_running_loop().remove_writer(self._theirs.fileno())
        self.launcher.close()
        self._theirs.close()


@pytest.fixture
async def played() -> AsyncIterator[Played]:
    played = Played()
    yield played
    played.close()


def starting(
    played: Played, exited: Callable[[Exited], None] = lambda message: None, name: str = "e1"
) -> asyncio.Task[Gauges]:
    order = Order(name, *list(vars(ORDER).values())[1:])
    return asyncio.create_task(played.client.start(order, 0, 1, exited))


async def test_a_launcher_that_does_not_say_hello_is_none() -> None:
    ours, theirs = packets.socket_pair()
    with ours, theirs:
        messages.send(ours, Prepared(1, None))
        with pytest.raises(PlatformError, match="hello"):
            LauncherClient(theirs, on_gone=lambda: None)
    ours, theirs = packets.socket_pair()
    ours.close()
    with theirs, pytest.raises(PlatformError, match="hello"):
        LauncherClient(theirs, on_gone=lambda: None)


async def test_prepare_returns_when_it_is_answered(played: Played) -> None:
    preparing = asyncio.create_task(played.client.prepare("python3.12", "0"))
    message, _ = await played.hear()
    assert isinstance(message, Prepare)
    assert not preparing.done()
    played.say(Prepared(message.request, None))
    await preparing


async def test_answers_find_who_asked_whatever_their_order(played: Played) -> None:
    first = asyncio.create_task(played.client.prepare("python3.11", "0"))
    second = asyncio.create_task(played.client.prepare("python3.12", "0"))
    asked = [(await played.hear())[0] for _ in range(2)]
    for message in reversed(asked):
        assert isinstance(message, Prepare)
        played.say(Prepared(message.request, f"not {message.runtime}"))
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["not python3.11", "not python3.12"]
    assert all(isinstance(outcome, PlatformError) for outcome in outcomes)


async def test_an_answer_that_nobody_waits_for_does_no_harm(played: Played) -> None:
    preparing = asyncio.create_task(played.client.prepare("python3.12", "0"))
    message, _ = await played.hear()
    assert isinstance(message, Prepare)
    preparing.cancel()
    await asyncio.gather(preparing, return_exceptions=True)
    played.say(Prepared(message.request, None))
    played.say(Prepared(4711, "who?"))
    await asyncio.sleep(0.01)


async def test_a_started_sandbox_brings_its_gauges(played: Played) -> None:
    task = starting(played)
    assert await played.hear_start() == ORDER
    played.say(Started("e1", ["memory_peak", "cpu_quota"], "1447"), (0, 1))
    gauges = await task
    assert gauges.cpu_quota_text == "1447"
    assert gauges.memory_peak is not None
    assert os.fstat(gauges.memory_peak).st_ino == os.fstat(0).st_ino
    gauges.close()


async def test_a_sandbox_that_was_not_started_is_our_failure(played: Played) -> None:
    task = starting(played)
    await played.hear_start()
    played.say(NotStarted("e1", "no room"))
    with pytest.raises(PlatformError, match="no room"):
        await task
    again = starting(played)  # the name is free again
    await played.hear_start()
    played.say(Started("e1", [], ""))
    await again


async def test_gauges_that_did_not_arrive_are_our_failure(played: Played) -> None:
    """The kernel drops those for which this process has no descriptor left."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    task = starting(played)
    await played.hear_start()
    played.say(Started("e1", ["memory_peak", "cpu_quota"], "1447"))
    with pytest.raises(PlatformError):
        await asyncio.wait_for(task, 0.2)
    assert complaints == []


async def test_an_exit_is_told_once_to_who_started_it(played: Played) -> None:
    exits: list[Exited] = []
    task = starting(played, exits.append)
    await played.hear_start()
    played.say(Started("e1", [], ""))
    await task
    played.say(Exited("e1", 9, False, 1))
    await happens(lambda: exits)
    played.client.stop("e1")  # too late: nothing is said
    with pytest.raises(BlockingIOError):
        packets.receive(played.launcher)
    assert exits == [Exited("e1", 9, False, 1)]


async def test_stop_is_said_only_of_what_runs(played: Played) -> None:
    played.client.stop("unknown")
    task = starting(played)
    await played.hear_start()
    played.client.stop("e1")
    assert (await played.hear())[0] == messages.Stop("e1")
    played.say(NotStarted("e1", "stopped"))
    await asyncio.gather(task, return_exceptions=True)


async def test_a_start_that_is_given_up_leaves_no_descriptor(
    played: Played, open_descriptors: Callable[[], set[str]]
) -> None:
    # Given
    before = open_descriptors()
    exits: list[Exited] = []
    task = starting(played, exits.append)
    await played.hear_start()
    # When
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    played.say(Started("e1", ["memory_peak"], ""), (0,))
    played.say(Exited("e1", 9, False, 0))
    await happens(lambda: exits)
    # Then
    assert open_descriptors() == before


async def test_what_the_socket_does_not_take_waits_and_keeps_its_order(played: Played) -> None:
    # Given a launcher that does not listen for a while
    played.client.channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    tasks = []
    for number in range(200):
        reading, writing = os.pipe()
        order = Order(f"e{number}", *list(vars(ORDER).values())[1:])
        tasks.append(
            asyncio.create_task(played.client.start(order, reading, writing, lambda _: None))
        )
        await asyncio.sleep(0)
        os.close(reading)
        os.close(writing)
    assert played.client._unsent
    # When it listens again
    names = [(await played.hear_start()).environment_id for _ in range(200)]
    # Then
    assert names == [f"e{number}" for number in range(200)]
    for name in names:
        played.say(NotStarted(name, "enough"))
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert {str(outcome) for outcome in outcomes} == {"enough"}


async def test_the_launchers_end_is_told_once(played: Played) -> None:
    played.launcher.close()
    await happens(lambda: played.gone)
    await asyncio.sleep(0)
    assert played.gone == 1
