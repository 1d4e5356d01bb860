"""The node's side of the socket to the launcher, which is played by the test."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable

import pytest
from stage import happens, room_for

from lambdad.environment.launcher_client import Gauges, LauncherClient
from lambdad.errors import ClientError, PlatformError
from lambdad.launcher import messages, packets
from lambdad.launcher.contract import Look, Order
from lambdad.launcher.messages import (
    CheckMemory,
    Discard,
    Exited,
    Freeze,
    Hello,
    Kill,
    LookAt,
    MemoryChecked,
    NotStarted,
    Prepare,
    Prepared,
    Restart,
    Seen,
    Start,
    Started,
    Thaw,
)

EFS = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point"
S3_FILES = "arn:aws:s3files:us-east-1:123456789012:file-system/fs-0123456789abcdef0/access-point"
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
    return asyncio.ensure_future(played.client.start(order, 0, 1, exited))


async def started(
    played: Played, exited: Callable[[Exited], None] = lambda message: None, name: str = "e1"
) -> None:
    """A sandbox without gauges."""
    task = starting(played, exited, name)
    await played.hear_start()
    played.say(Started(name, [], {}))
    await task


async def exited(played: Played, name: str = "e1") -> None:
    """Its processes end, and the client knows."""
    played.say(Exited(name, 9, False, 0))
    await happens(lambda: name not in played.client._watched or not is_running(played, name))


def is_running(played: Played, name: str) -> bool:
    return played.client._watched[name].is_running


def restarting(played: Played) -> asyncio.Task[Gauges]:
    return asyncio.ensure_future(played.client.restart("e1", 0, 1))


async def hear_restart(played: Played) -> None:
    message, descriptors = await played.hear()
    assert message == Restart("e1")
    assert len(descriptors) == 2
    for descriptor in descriptors:
        os.close(descriptor)


def says_nothing(played: Played) -> bool:
    try:
        packets.receive(played.launcher)
    except BlockingIOError:
        return True
    return False


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
    preparing = asyncio.ensure_future(played.client.prepare("python3.12", "0", 128))
    message, _ = await played.hear()
    assert isinstance(message, Prepare)
    assert not preparing.done()
    played.say(Prepared(message.request, None))
    await preparing


async def test_answers_find_who_asked_whatever_their_order(played: Played) -> None:
    first = asyncio.ensure_future(played.client.prepare("python3.11", "0", 128))
    second = asyncio.ensure_future(played.client.prepare("python3.12", "0", 128))
    asked = [(await played.hear())[0] for _ in range(2)]
    for message in reversed(asked):
        assert isinstance(message, Prepare)
        played.say(Prepared(message.request, f"not {message.runtime}"))
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["not python3.11", "not python3.12"]
    assert all(isinstance(outcome, PlatformError) for outcome in outcomes)


async def test_an_answer_that_nobody_waits_for_does_no_harm(played: Played) -> None:
    preparing = asyncio.ensure_future(played.client.prepare("python3.12", "0", 128))
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
    played.say(Started("e1", ["memory_peak", "cpu_quota"], {"cpu_quota": "1447"}), (0, 1))
    gauges = await task
    assert gauges.texts == {"cpu_quota": "1447"}
    assert gauges.freezer is None
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
    played.say(Started("e1", [], {}))
    await again


async def test_gauges_that_did_not_arrive_are_our_failure(played: Played) -> None:
    """The kernel drops those for which this process has no descriptor left."""
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    task = starting(played)
    await played.hear_start()
    played.say(Started("e1", ["memory_peak", "cpu_quota"], {}))
    with pytest.raises(PlatformError):
        await asyncio.wait_for(task, 0.2)
    assert complaints == []


async def test_an_exit_is_told_once_to_who_started_it(played: Played) -> None:
    exits: list[Exited] = []
    await started(played, exits.append)
    played.say(Exited("e1", 9, False, 1))
    await happens(lambda: exits)
    assert exits == [Exited("e1", 9, False, 1)]


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
    played.say(Started("e1", ["memory_peak"], {}), (0,))
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
            asyncio.ensure_future(played.client.start(order, reading, writing, lambda _: None))
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


@pytest.mark.parametrize("ask", [starting, restarting])
async def test_what_cannot_even_wait_is_not_asked_for(
    played: Played,
    open_descriptors: Callable[[], set[str]],
    ask: Callable[[Played], asyncio.Task[Gauges]],
) -> None:
    """What waits has descriptors of its own, and there may be none left; nobody would tell of the
    end of what the launcher has never heard of."""
    # Given
    if ask is restarting:
        await started(played)
        await exited(played)
    played.client.channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    while not played.client._unsent:
        played.client.freeze("other")
    before = open_descriptors()
    # When
    with room_for(1), pytest.raises(OSError, match="Too many open files"):
        ask(played)
    # Then
    assert open_descriptors() == before
    assert all(message == Freeze("other") for message, _ in played.client._unsent)
    played.client.discard("e1")
    assert played.client._watched == {}


async def test_the_launchers_end_is_told_once(played: Played) -> None:
    played.launcher.close()
    await happens(lambda: played.gone)
    await asyncio.sleep(0)
    assert played.gone == 1


# Several runs in one place


async def test_a_sandbox_runs_again_with_gauges_of_its_own(played: Played) -> None:
    # Given
    exits: list[Exited] = []
    await started(played, exits.append)
    await exited(played)
    # When
    task = restarting(played)
    await hear_restart(played)
    assert not task.done()
    played.say(Started("e1", ["freezer"], {"frozen": "1"}), (0,))
    gauges = await task
    # Then
    assert gauges.freezer is not None
    assert gauges.texts == {"frozen": "1"}
    gauges.close()
    await exited(played)
    assert len(exits) == 2


async def test_a_restart_that_is_refused_is_our_failure_and_frees_the_name(played: Played) -> None:
    await started(played)
    await exited(played)
    task = restarting(played)
    await hear_restart(played)
    played.say(NotStarted("e1", "no room"))
    with pytest.raises(PlatformError, match="no room"):
        await task
    played.client.discard("e1")  # the launcher has no such place any more
    assert says_nothing(played)
    await started(played)


@pytest.mark.parametrize("is_restart", [False, True])
async def test_a_start_that_nobody_waits_for_any_more_is_discarded(
    played: Played, is_restart: bool, open_descriptors: Callable[[], set[str]]
) -> None:
    # Given
    before = open_descriptors()
    if is_restart:
        await started(played)
        await exited(played)
    task = restarting(played) if is_restart else starting(played)
    _, descriptors = await played.hear()
    for descriptor in descriptors:
        os.close(descriptor)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    # When
    played.say(Started("e1", ["freezer"], {}), (0,))
    # Then
    assert (await played.hear())[0] == Discard("e1")
    await exited(played)
    assert "e1" not in played.client._watched
    assert open_descriptors() == before


async def test_kill_is_said_only_of_what_is_known(played: Played) -> None:
    played.client.kill("unknown")
    assert says_nothing(played)
    await started(played)
    played.client.kill("e1")
    assert (await played.hear())[0] == Kill("e1")
    await exited(played)
    assert "e1" in played.client._watched  # its place is still there


async def test_discarding_a_running_sandbox_is_said_once_and_its_exit_follows(
    played: Played,
) -> None:
    exits: list[Exited] = []
    await started(played, exits.append)
    played.client.discard("e1")
    played.client.discard("e1")
    assert (await played.hear())[0] == Discard("e1")
    assert says_nothing(played)
    await exited(played)
    assert len(exits) == 1
    played.client.discard("e1")
    played.client.kill("e1")
    assert says_nothing(played)


async def test_discarding_one_that_has_ended_forgets_it(played: Played) -> None:
    await started(played)
    await exited(played)
    played.client.discard("e1")
    assert (await played.hear())[0] == Discard("e1")
    played.client.discard("e1")
    assert says_nothing(played)
    await started(played)  # the name is free again


async def test_freezing_and_thawing_is_passed_on(played: Played) -> None:
    await started(played)
    played.client.freeze("e1")
    played.client.thaw("e1")
    assert [(await played.hear())[0] for _ in range(2)] == [Freeze("e1"), Thaw("e1")]


# Memory


@pytest.mark.parametrize("in_use", [None, 0, 5])
async def test_whether_it_uses_too_much_is_answered(played: Played, in_use: int | None) -> None:
    await started(played)
    checking = asyncio.ensure_future(played.client.check_memory("e1"))
    assert (await played.hear())[0] == CheckMemory("e1")
    assert not checking.done()
    played.say(MemoryChecked("e1", in_use))
    assert await checking == in_use


async def test_several_who_ask_at_once_share_an_answer(played: Played) -> None:
    await started(played)
    checks = [asyncio.ensure_future(played.client.check_memory("e1")) for _ in range(3)]
    assert (await played.hear())[0] == CheckMemory("e1")
    assert says_nothing(played)
    checks[0].cancel()  # and nobody else's is lost with it
    played.say(MemoryChecked("e1", None))
    outcomes = await asyncio.gather(*checks, return_exceptions=True)
    assert outcomes[1:] == [None, None]


async def test_the_end_of_the_processes_is_an_answer_too(played: Played) -> None:
    await started(played)
    checking = asyncio.ensure_future(played.client.check_memory("e1"))
    await played.hear()
    await exited(played)
    assert await checking is None
    played.say(MemoryChecked("e1", 5))  # it comes too late, and does no harm
    assert await played.client.check_memory("e1") == 0


async def test_what_does_not_run_uses_nothing(played: Played) -> None:
    assert await played.client.check_memory("unknown") == 0
    await started(played)
    await exited(played)
    assert await played.client.check_memory("e1") == 0
    assert says_nothing(played)


async def test_a_look_at_live_code_finds_who_asked(played: Played) -> None:
    looks = [asyncio.ensure_future(played.client.look(f"/srv/{n}")) for n in range(2)]
    asked = [(await played.hear())[0] for _ in range(2)]
    for message in reversed(asked):
        assert isinstance(message, LookAt)
        played.say(Seen(message.request, Look(message.directory, "stamp")))
    assert [look.directory for look in await asyncio.gather(*looks)] == ["/srv/0", "/srv/1"]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (f"{EFS}/fsap-0123456789abcdef0", "EFSMountFailureException"),
        (f"{S3_FILES}/fsap-0123456789abcdef0", "S3FilesMountFailureException"),
        ("/srv/code", "InvalidParameterValueException"),
    ],
)
async def test_a_sandbox_that_lacks_a_directory_of_the_host_is_not_our_failure(
    played: Played, wanted: str, code: str
) -> None:
    task = starting(played)
    await played.hear_start()
    played.say(NotStarted("e1", f"{wanted} cannot be had", wanted))
    with pytest.raises(ClientError, match=f"{wanted} cannot be had") as caught:
        await task
    assert caught.value.code == code


async def test_what_is_about_to_run_again_is_not_asked_yet(played: Played) -> None:
    """So an answer that comes late is none of the next run's."""
    await started(played)
    await exited(played)
    again = played.client.restart("e1", 0, 1)
    assert await played.client.check_memory("e1") == 0
    again.cancel()


def test_the_cpu_share_is_set_once_and_its_gauge_given_back() -> None:
    quota = os.memfd_create("cpu.max")
    gauges = Gauges(cpu_quota=os.dup(quota), texts={"cpu_quota": "1447 20000"})
    gauges.limit_cpu()
    gauges.limit_cpu()
    assert os.pread(quota, 100, 0) == b"1447 20000"
    assert gauges.cpu_quota is None
    os.close(quota)


def test_closing_gauges_gives_all_of_them_back_and_is_legal_twice(
    open_descriptors: Callable[[], set[str]],
) -> None:
    before = open_descriptors()
    gauges = Gauges(*(os.memfd_create("gauge") for _ in range(3)))
    gauges.close()
    gauges.close()
    assert open_descriptors() == before
    assert (gauges.memory_peak, gauges.cpu_quota, gauges.freezer) == (None, None, None)
