"""One life of a node: each thing that it may ask for, and what it is told."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from scripted import ORDER, QuietSandbox, Scripted

from lambdad.launcher import messages, packets
from lambdad.launcher.contract import Ended, Look, Looked, NotToBeHad, Sandbox
from lambdad.launcher.node_life import NodeLife

ANSWER = messages.Started("e1", ["memory_peak"], {"cpu_quota": "1447"})


class Node:
    """A node's end of the socket, and the launcher's life of it."""

    def __init__(self) -> None:
        self.sandboxes = Scripted()
        self.sandboxes.on_start = self._start
        self.started: list[QuietSandbox] = []
        self.nonsense = 0
        ours, self.channel = packets.socket_pair()
        self.channel.setblocking(False)
        self.life = NodeLife(ours, self.sandboxes, self._count)

    def say(self, message: messages.Message, descriptors: tuple[int, ...] = ()) -> None:
        messages.send(self.channel, message, descriptors)
        assert self.life.receive()

    def say_raw(self, content: bytes, descriptors: tuple[int, ...] = ()) -> None:
        socket.send_fds(self.channel, [content], descriptors)
        assert self.life.receive()

    def start(self) -> QuietSandbox:
        self.say(messages.Start(ORDER), (0, 1))
        assert self.heard() == [ANSWER]
        return self.started[-1]

    def heard(self) -> list[messages.Message]:
        """All that the launcher has said meanwhile."""
        heard: list[messages.Message] = []
        try:
            while packet := packets.receive(self.channel):
                heard.append(messages.decode(packet[0]))
                for descriptor in packet[1]:
                    os.close(descriptor)
        except BlockingIOError:
            pass
        return heard

    def _start(self, ended: Ended) -> Sandbox:
        self.started.append(QuietSandbox(ended))
        return self.started[-1]

    def _count(self) -> None:
        self.nonsense += 1


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.life.end()
    node.channel.close()


@pytest.mark.parametrize(
    ("message", "asked"),
    [
        (messages.Kill("e1"), "kill"),
        (messages.Freeze("e1"), "freeze"),
        (messages.Thaw("e1"), "thaw"),
        (messages.Discard("e1"), "discard"),
    ],
)
def test_what_is_asked_for_is_done(node: Node, message: messages.Message, asked: str) -> None:
    sandbox = node.start()
    node.say(message)
    assert sandbox.asked == [asked]
    assert node.heard() == []
    assert node.nonsense == 0


@pytest.mark.parametrize("is_over", [True, False])
def test_whether_one_uses_too_much_memory_is_answered(node: Node, is_over: bool) -> None:
    sandbox = node.start()
    sandbox.is_over = is_over
    node.say(messages.CheckMemory("e1"))
    assert sandbox.asked == ["check_memory"]
    assert node.heard() == [messages.MemoryChecked("e1", None if is_over else 7)]


@pytest.mark.parametrize(
    "kind",
    [messages.Kill, messages.CheckMemory, messages.Freeze, messages.Thaw, messages.Discard],
)
def test_what_comes_too_late_does_no_harm(node: Node, kind: type[messages.Kill]) -> None:
    """The node could not know yet that the place is gone."""
    sandbox = node.start()
    node.say(messages.Discard("e1"))
    node.say(kind("e1"))
    assert sandbox.asked == ["discard"]
    assert node.nonsense == 0


def test_the_end_of_each_run_is_told(node: Node) -> None:
    # Given
    sandbox = node.start()
    sandbox.end(9)
    assert node.heard() == [messages.Exited("e1", 9, False, 5)]
    # When
    node.say(messages.Restart("e1"), (0, 1))
    assert node.heard() == [ANSWER]
    sandbox.end(0)
    # Then
    assert node.heard() == [messages.Exited("e1", 0, False, 5)]


def test_the_end_of_what_is_discarded_is_told(node: Node) -> None:
    sandbox = node.start()
    node.say(messages.Discard("e1"))
    sandbox.end()
    assert node.heard() == [messages.Exited("e1", 9, False, 5)]


def test_one_that_cannot_run_again_is_given_back(node: Node) -> None:
    # Given
    sandbox = node.start()
    sandbox.end()
    node.heard()
    sandbox.problem = OSError("no process today")
    # When
    node.say(messages.Restart("e1"), (0, 1))
    # Then
    assert node.heard() == [messages.NotStarted("e1", "no process today")]
    assert sandbox.asked == ["restart", "discard"]
    node.say(messages.Kill("e1"))  # nobody knows it any more
    assert sandbox.asked == ["restart", "discard"]


def test_a_look_at_live_code_is_answered(node: Node) -> None:
    node.say(messages.LookAt(7, "/srv/code"))
    assert node.heard() == [messages.Seen(7, Look("/srv/code", "s"))]


def test_a_look_that_nobody_can_take_is_answered_too(node: Node) -> None:
    def refuse(directory: str, looked: Looked) -> None:
        raise OSError("no process today")

    node.sandboxes.on_look = refuse
    node.say(messages.LookAt(7, "/srv/code"))
    assert node.heard() == [messages.Seen(7, Look("/srv/code", problem="no process today"))]


def test_what_an_order_lacks_of_the_hosts_directories_is_named(node: Node) -> None:
    def start(ended: Ended) -> Sandbox:
        raise NotToBeHad("/srv/code", "it is not there")

    node.sandboxes.on_start = start
    node.say(messages.Start(ORDER), (0, 1))
    problem = "/srv/code cannot be had: it is not there"
    assert node.heard() == [messages.NotStarted("e1", problem, "/srv/code")]


def test_a_start_whose_gauges_cannot_be_opened_is_none(node: Node) -> None:
    # Given
    sandbox = QuietSandbox()
    sandbox.gauge_problem = OSError(24, "Too many open files")

    def start(ended: Ended) -> Sandbox:
        sandbox.ended = ended
        return sandbox

    node.sandboxes.on_start = start
    # When
    node.say(messages.Start(ORDER), (0, 1))
    # Then the one answer is all that is said of it
    (answer,) = node.heard()
    assert isinstance(answer, messages.NotStarted)
    assert "Too many open files" in answer.problem
    assert sandbox.asked == ["discard"]
    sandbox.end()
    assert node.heard() == []


def test_a_second_run_whose_gauges_cannot_be_opened_is_none(node: Node) -> None:
    sandbox = node.start()
    sandbox.end()
    node.heard()
    sandbox.gauge_problem = OSError(24, "Too many open files")
    node.say(messages.Restart("e1"), (0, 1))
    assert [type(message) for message in node.heard()] == [messages.NotStarted]
    assert sandbox.asked == ["restart", "discard"]
    sandbox.end()
    assert node.heard() == []


def test_an_identifier_may_be_used_again(node: Node) -> None:
    first = node.start()
    first.end()
    node.heard()
    node.say(messages.Discard("e1"))
    second = node.start()
    node.say(messages.Kill("e1"))
    assert (first.asked, second.asked) == (["discard"], ["kill"])


def test_a_start_is_refused_with_the_reason(node: Node) -> None:
    node.sandboxes.on_start = None
    node.say(messages.Start(ORDER), (0, 1))
    assert node.heard() == [messages.NotStarted("e1", "no sandboxes today")]


def test_nothing_is_told_after_the_end_of_the_node(node: Node) -> None:
    sandbox = node.start()
    node.life.end()
    sandbox.end()
    assert node.sandboxes.closes == 1
    assert node.heard() == []


def test_who_hangs_up_is_known_to_have(node: Node) -> None:
    node.channel.close()
    assert not node.life.receive()


@pytest.mark.parametrize(
    ("content", "descriptors"),
    [
        (b'{"type": "Nonsense"}', ()),
        (b"not JSON at all", (0, 1)),
        (b"[]", ()),
        (b'{"type": "Kill"}', ()),
        (b'{"type": "Kill", "environment_id": ["e"]}', ()),
        (b'{"type": "Start", "order": {}}', (0, 1)),
        (b'{"type": "Restart", "environment_id": "e1"}', (0, 1)),  # which never started
        (b'{"type": "Restart", "environment_id": "e1"}', ()),
        (b'{"type": "Restart", "environment_id": "e1"}', (0, 1, 2)),
    ],
)
def test_what_no_node_of_ours_says_is_noticed(
    node: Node, capsys: pytest.CaptureFixture[str], content: bytes, descriptors: tuple[int, ...]
) -> None:
    node.say_raw(content, descriptors)
    assert node.nonsense == 1
    assert "nobody understands" in capsys.readouterr().err


def test_a_restart_without_its_descriptors_is_nonsense(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox = node.start()
    sandbox.end()
    node.heard()
    node.say(messages.Restart("e1"), (0,))
    assert node.nonsense == 1
    assert sandbox.asked == []


def test_no_descriptor_stays_open(node: Node, capsys: pytest.CaptureFixture[str]) -> None:
    # Given
    before = len(os.listdir("/proc/self/fd"))
    # When things go well, and when they do not
    for problem in (None, OSError("no")):
        sandbox = node.start()
        sandbox.end()
        sandbox.problem = problem
        node.say(messages.Restart("e1"), (0, 1))
        node.say(messages.Restart("e1"), (0,))
        node.say(messages.Kill("e1"), (0, 1))
        node.say(messages.Discard("e1"))
        node.heard()
    node.sandboxes.on_start = None
    node.say(messages.Start(ORDER), (0, 1))
    # Then
    assert len(os.listdir("/proc/self/fd")) == before
