"""The supervisor, with a node that is a child process and does what a test says."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from scripted import ORDER, QuietSandbox, Scripted

from lambdad.launcher import messages, packets, supervisor
from lambdad.launcher.contract import Ended, Exit, Prepared, Sandbox, Sandboxes
from lambdad.launcher.guarded import Guarded
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.loop import Loop
from lambdad.launcher.stub import Stub
from lambdad.launcher.supervisor import REFUSED_TO_START, Supervisor

Fork = Callable[[Callable[[], int | None]], int]
Life = Callable[[socket.socket], int | None]

UNEXPECTED = 66
PRESENT = [{"name": "python3.12", "version": "3.12.1", "executable": "/x"}]


class Bench:
    """Runs a supervisor whose nodes live the given lives, one after the other."""

    def __init__(self, loop: Loop, fork: Fork) -> None:
        self.loop = loop
        self.lives: list[Life] = []
        self.started = 0
        self.node = 0  # the pid of the last
        self.make_sandboxes: Callable[[], Sandboxes] = Scripted
        self._fork = fork

    def run(self, *lives: Life) -> int:
        self.lives = list(lives)
        interpreter = Interpreter("python3.12", "3.12.1", "/x", "/")
        return Supervisor(
            loop=self.loop,
            sandboxes=lambda: self.make_sandboxes(),
            interpreters=lambda: {"python3.12": interpreter},
            start_node=self._start_node,
        ).run()

    def _start_node(self, node_socket: int) -> int:
        life = self.lives[self.started] if self.started < len(self.lives) else unexpected
        self.started += 1

        def live() -> int | None:
            with packets.from_descriptor(os.dup(node_socket)) as channel:
                hello = hear(channel)
                assert isinstance(hello, messages.Hello)
                assert hello.interpreters == PRESENT
                return life(channel)

        self.node = self._fork(live)
        return self.node


def hear(channel: socket.socket) -> messages.Message | None:
    packet = packets.receive(channel)
    return messages.decode(packet[0]) if packet else None


def unexpected(channel: socket.socket) -> int:
    return UNEXPECTED


def refuse(channel: socket.socket) -> int:
    return REFUSED_TO_START


def die(channel: socket.socket) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def bench(loop: Loop, fork: Fork) -> Bench:
    return Bench(loop, fork)


def test_a_node_that_refuses_to_start_ends_the_server(bench: Bench) -> None:
    assert bench.run(refuse) == REFUSED_TO_START
    assert bench.started == 1


def test_the_node_starts_before_the_sandboxes_are_made(bench: Bench) -> None:
    started: list[int] = []

    def make() -> Sandboxes:
        started.append(bench.started)
        return Scripted()

    bench.make_sandboxes = make
    bench.run(die, refuse)
    assert started == [1, 2]


def test_a_node_that_dies_before_it_is_greeted_is_followed_by_a_new_one(bench: Bench) -> None:
    def kill_the_first() -> Sandboxes:
        if bench.started == 1:
            os.kill(bench.node, signal.SIGKILL)
            os.waitid(os.P_PID, bench.node, os.WEXITED | os.WNOWAIT)
        return Scripted()

    bench.make_sandboxes = kill_the_first
    assert bench.run(unexpected, refuse) == REFUSED_TO_START
    assert bench.started == 2


def test_a_dead_node_is_followed_by_a_new_one(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run(die, refuse) == REFUSED_TO_START
    assert bench.started == 2
    assert "the node ended (SIGKILL); starting it again" in capsys.readouterr().err


def test_a_dead_nodes_sandboxes_end_with_it(bench: Bench) -> None:
    made: list[Scripted] = []

    def make() -> Sandboxes:
        made.append(Scripted())
        return made[-1]

    bench.make_sandboxes = make
    bench.run(die, refuse)
    assert [sandboxes.closes for sandboxes in made] == [1, 1]


def test_a_node_that_dies_again_and_again_is_given_up(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run(*[lambda channel: 70] * 9) == 70
    assert bench.started == supervisor._DEATHS_ALLOWED
    assert "giving up" in capsys.readouterr().err


def test_deaths_that_lie_far_apart_are_forgiven(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def pass_time() -> float:
        now[0] += 4.0
        return now[0]

    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=pass_time))
    assert bench.run(*[die] * 8, refuse) == REFUSED_TO_START
    assert bench.started == 9


def terminate_when_asked() -> Sandboxes:
    """Sandboxes with which a node can make the operator send SIGTERM: it asks to `prepare`."""
    sandboxes = Scripted()
    sandboxes.on_prepare = lambda prepared: os.kill(os.getpid(), signal.SIGTERM)
    return sandboxes


def test_sigterm_lets_the_node_drain(bench: Bench) -> None:
    # Given
    def drain(channel: socket.socket) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        messages.send(channel, messages.Prepare(1, "python3.12", "0", 128))
        return 0 if signal.sigwait([signal.SIGTERM]) == signal.SIGTERM else UNEXPECTED

    bench.make_sandboxes = terminate_when_asked
    # When, Then
    assert bench.run(drain) == 0
    assert bench.started == 1


def test_a_second_sigterm_does_not_wait_for_the_draining(bench: Bench) -> None:
    def never_end(channel: socket.socket) -> int:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        messages.send(channel, messages.Prepare(1, "python3.12", "0", 128))
        signal.sigwait([signal.SIGTERM])
        messages.send(channel, messages.Prepare(2, "python3.12", "0", 128))
        time.sleep(60)
        return UNEXPECTED

    bench.make_sandboxes = terminate_when_asked
    assert bench.run(never_end) == 1
    assert bench.started == 1


def test_a_sigterm_while_the_last_sandboxes_end_does_no_harm(bench: Bench, fork: Fork) -> None:
    """The node is reaped then, and its pid may be somebody else's."""

    # Given a sandbox that takes a moment to end, and an operator who is impatient meanwhile
    def make() -> Sandboxes:
        sandboxes = Scripted()

        def close() -> None:
            bench.loop.adopt(fork(lambda: time.sleep(0.02)), lambda status: None)
            os.kill(os.getpid(), signal.SIGTERM)

        sandboxes.on_close = close
        return sandboxes

    bench.make_sandboxes = make
    # When, Then
    assert bench.run(refuse) == REFUSED_TO_START


def test_a_sandbox_starts_and_ends_as_the_node_says(bench: Bench) -> None:
    # Given
    def use_a_sandbox(channel: socket.socket) -> int:
        ours, theirs = packets.socket_pair()
        reading, writing = os.pipe()
        messages.send(channel, messages.Start(ORDER), [theirs.fileno(), writing])
        assert hear(channel) == messages.Started("e1", [], {})
        assert_hands_listeners(ours)
        messages.send(channel, messages.Kill("e1"))
        assert hear(channel) == messages.Exited("e1", 9, False, 0)
        messages.send(channel, messages.Kill("e1"))  # too late, and no harm
        ours.close()
        ours, again = packets.socket_pair()
        messages.send(channel, messages.Restart("e1"), [again.fileno(), writing])
        assert hear(channel) == messages.Started("e1", [], {})
        again.close()
        assert_hands_listeners(ours)
        messages.send(channel, messages.Discard("e1"))
        assert hear(channel) == messages.Exited("e1", 9, False, 0)
        theirs.close()
        os.close(reading)
        return REFUSED_TO_START

    bench.make_sandboxes = lambda: Guarded(Stub(bench.loop))
    # When, Then
    assert bench.run(use_a_sandbox) == REFUSED_TO_START


def test_the_exits_of_a_dead_nodes_sandboxes_are_not_told_to_the_next_one(bench: Bench) -> None:
    # Given
    ended: list[Ended] = []

    def make() -> Sandboxes:
        sandboxes = Scripted()

        def start(its_end: Ended) -> Sandbox:
            ended.append(its_end)
            return QuietSandbox(its_end)

        def prepare(prepared: Prepared) -> None:
            for its_end in ended:
                its_end(Exit(9))
            prepared(None)

        sandboxes.on_start, sandboxes.on_prepare = start, prepare
        return sandboxes

    def start_and_die(channel: socket.socket) -> int:
        messages.send(channel, messages.Start(ORDER), [0, 1])
        hear(channel)
        return 70

    bench.make_sandboxes = make
    # When, Then
    assert bench.run(start_and_die, hear_only_own_answer) == REFUSED_TO_START


def test_the_answers_to_a_dead_node_are_not_told_to_the_next_one(bench: Bench) -> None:
    # Given
    waiting: list[Prepared] = []

    def make() -> Sandboxes:
        sandboxes = Scripted()

        def prepare(prepared: Prepared) -> None:
            if waiting:
                waiting[0]("the zygote ended")
                prepared(None)
            else:
                waiting.append(prepared)

        sandboxes.on_prepare = prepare
        return sandboxes

    def ask_and_die(channel: socket.socket) -> int:
        messages.send(channel, messages.Prepare(1, "python3.12", "0", 128))
        return 70

    bench.make_sandboxes = make
    # When, Then
    assert bench.run(ask_and_die, hear_only_own_answer) == REFUSED_TO_START


def hear_only_own_answer(channel: socket.socket) -> int:
    messages.send(channel, messages.Prepare(1, "python3.12", "0", 128))
    return REFUSED_TO_START if hear(channel) == messages.Prepared(1, None) else UNEXPECTED


@pytest.mark.parametrize(
    ("content", "descriptors"),
    [
        (b'{"type": "Nonsense"}', []),
        (b"not JSON at all", []),
        (b"[]", []),
        (b'{"type": "Kill"}', []),
        (b'{"type": "Start", "order": {}}', [0, 1]),
        (b'{"type": "Kill", "environment_id": ["e"]}', []),
    ],
)
def test_a_node_out_of_its_mind_does_not_end_the_launcher(
    bench: Bench, content: bytes, descriptors: list[int]
) -> None:
    def rave(channel: socket.socket) -> int:
        socket.send_fds(channel, [content], descriptors)
        return 70

    assert bench.run(rave, refuse) == REFUSED_TO_START


def assert_hands_listeners(channel: socket.socket) -> None:
    packet = packets.receive(channel)
    assert packet is not None
    assert packet[0] == {"handed": ["runtime_api", "endpoint", "xray_daemon"]}
    assert len(packet[1]) == 3


def test_a_start_without_its_descriptors_does_not_end_the_launcher(bench: Bench) -> None:
    def forget_the_output(channel: socket.socket) -> int:
        messages.send(channel, messages.Start(ORDER), [0])
        return 70

    assert bench.run(forget_the_output, refuse) == REFUSED_TO_START


def test_no_descriptor_is_left_behind_by_many_starts(bench: Bench) -> None:
    # Given
    def open_now() -> int:
        return len(os.listdir("/proc/self/fd"))

    def ask_often(channel: socket.socket) -> int:
        for _ in range(20):
            messages.send(channel, messages.Start(ORDER), [0, 1])
            hear(channel)
        return REFUSED_TO_START

    before = open_now()
    # When
    bench.run(ask_often)
    # Then
    assert open_now() == before
