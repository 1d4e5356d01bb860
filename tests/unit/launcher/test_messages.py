"""What node and launcher say to each other survives the packet, whatever is in it."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.launcher import messages, packets
from lambdad.launcher.contract import Look, Order

ORDER = Order(
    "0123456789abcdef", "python3.12", "123456789012", "c0de", 128, 512,
    layers="1ayers", start="spawn", live_code="/srv/code",
    file_system="arn:aws:elasticfilesystem:x", mount_path="/mnt/x",
)  # fmt: skip
MESSAGES: list[messages.Message] = [
    messages.Hello("stub", [{"name": "python3.12", "version": "3.12.1", "executable": "/x"}]),
    messages.Prepare(1, "python3.12", "123456789012", 128),
    messages.Prepared(1, None),
    messages.Prepared(2, "it did not work"),
    messages.Start(ORDER),
    messages.Started("e1", ["memory_peak", "cpu_quota"], {"cpu_quota": "1447"}),
    messages.LookAt(3, "/srv/code"),
    messages.Seen(3, Look("/srv/code", "c0ffee")),
    messages.Seen(4, Look("/srv/code", problem="it is not there")),
    messages.CountWaiting(5),
    messages.WaitingCounted(5, 2),
    messages.NotStarted("e1", "no"),
    messages.NotStarted("e1", "no", "/srv/code"),
    messages.Restart("e1"),
    messages.Kill("e1"),
    messages.Discard("e1"),
    messages.CheckMemory("e1"),
    messages.Freeze("e1"),
    messages.Thaw("e1"),
    messages.MemoryChecked("e1", None),
    messages.Exited("e1", 9, True, 1 << 40),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_every_message_survives_its_packet(message: messages.Message) -> None:
    packet = json.loads(json.dumps(messages.encode(message)))
    assert messages.decode(packet) == message


def test_an_order_says_only_what_is_unusual() -> None:
    """What an order of an environment like most others leaves out."""
    order = Order("e1", "python3.12", "123456789012", "c0de", 128, 512)
    assert (order.layers, order.start) == ("", "pool")


def test_every_kind_of_message_is_tried_here() -> None:
    kinds = {
        each
        for each in vars(messages).values()
        if dataclasses.is_dataclass(each) and each not in (Order, Look)
    }
    assert kinds == {type(message) for message in MESSAGES}


@given(st.text(), st.text(), st.integers(), st.text())
def test_an_order_survives_its_packet(name: str, code: str, memory: int, account: str) -> None:
    message = messages.Start(Order(name, "python3.12", account, code, memory, 512))
    assert messages.decode(json.loads(json.dumps(messages.encode(message)))) == message


@pytest.mark.parametrize(
    "packet",
    [
        {},
        {"type": "Nonsense"},
        {"type": "Kill"},
        {"type": "Discard", "environment_id": "e", "more": 1},
        {"type": "Start", "order": {}},
        {"type": "Order"},
    ],
)
def test_what_is_no_message_is_refused(packet: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError)):
        messages.decode(packet)


def test_a_message_takes_its_descriptors_along(tmp_path: Path) -> None:
    ours, theirs = packets.socket_pair()
    reading, writing = os.pipe()
    with ours, theirs:
        messages.send(ours, messages.Started("e1", ["memory_peak"], {}), [reading])
        packet = packets.receive(theirs)
    assert packet is not None
    message, (handed,) = messages.decode(packet[0]), packet[1]
    assert isinstance(message, messages.Started)
    os.write(writing, b"12")
    assert os.read(handed, 10) == b"12"
    for descriptor in (reading, writing, handed):
        os.close(descriptor)
