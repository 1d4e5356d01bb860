"""Packets stay whole, carry descriptors, and tell the end of the other side."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from lambdad.launcher import packets

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = packets.socket_pair()
    with ours, theirs:
        yield ours, theirs


def test_packets_arrive_whole_and_in_order(ends: Ends) -> None:
    for number in range(10):
        packets.send(ends[0], {"number": number, "text": "ü" * number})
    received = [packets.receive(ends[1]) for _ in range(10)]
    assert [p[0]["number"] for p in received if p] == list(range(10))
    assert [len(p[0]["text"]) for p in received if p] == list(range(10))


def test_descriptors_are_copies_that_no_program_inherits(ends: Ends) -> None:
    reading, writing = os.pipe()
    packets.send(ends[0], {}, [writing])
    os.close(writing)
    packet = packets.receive(ends[1])
    assert packet is not None
    (copy,) = packet[1]
    os.write(copy, b"x")
    assert os.read(reading, 1) == b"x"
    os.close(copy)
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_received_descriptors_are_not_inherited_by_programs(ends: Ends) -> None:
    reading, writing = os.pipe()
    packets.send(ends[0], {}, [reading, writing])
    packet = packets.receive(ends[1])
    assert packet is not None
    assert [os.get_inheritable(descriptor) for descriptor in packet[1]] == [False, False]
    for descriptor in (reading, writing, *packet[1]):
        os.close(descriptor)


def test_as_many_descriptors_as_allowed_arrive(ends: Ends) -> None:
    packets.send(ends[0], {}, [0] * packets.MAX_DESCRIPTORS)
    packet = packets.receive(ends[1])
    assert packet is not None
    assert len(packet[1]) == packets.MAX_DESCRIPTORS
    for descriptor in packet[1]:
        os.close(descriptor)


def test_the_end_of_the_other_side_is_none(ends: Ends) -> None:
    packets.send(ends[0], {"last": True})
    ends[0].close()
    assert packets.receive(ends[1]) == ({"last": True}, [])
    assert packets.receive(ends[1]) is None
    assert packets.receive(ends[1]) is None


def test_an_end_with_something_unread_is_none_as_well(ends: Ends) -> None:
    packets.send(ends[1], {"unread": True})
    ends[0].close()
    assert packets.receive(ends[1]) is None


def test_the_last_word_of_an_end_with_something_unread_is_heard(ends: Ends) -> None:
    """The kernel says ECONNRESET first, and hands out what was sent afterwards."""
    packets.send(ends[1], {"unread": True})
    packets.send(ends[0], {"failed": "why"})
    ends[0].close()
    assert packets.receive(ends[1]) == ({"failed": "why"}, [])
    assert packets.receive(ends[1]) is None


def test_the_largest_packet_arrives_and_a_larger_one_is_refused(ends: Ends) -> None:
    frame = len('{"text": ""}')
    largest = "x" * (packets.MAX_PACKET - frame)
    ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * packets.MAX_PACKET)
    packets.send(ends[0], {"text": largest})
    assert packets.receive(ends[1]) == ({"text": largest}, [])
    with pytest.raises(ValueError, match="over the limit"):
        packets.send(ends[0], {"text": largest + "x"})


def test_an_inherited_descriptor_is_a_channel_again(ends: Ends) -> None:
    with packets.from_descriptor(ends[0].detach()) as again:
        packets.send(again, {"a": 1})
        assert packets.receive(ends[1]) == ({"a": 1}, [])
