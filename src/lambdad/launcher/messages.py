"""What node and launcher say to each other: one packet each, descriptors beside it.

    node ─▶ launcher   Prepare · Start [channel, output] · Stop
    launcher ─▶ node   Hello · Prepared · Started [gauges …] · NotStarted · Exited

`Hello` is the first packet of all. Every `Start` is answered by `Started` or `NotStarted`; every
`Started` is followed, some day, by one `Exited`.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lambdad.launcher import packets
from lambdad.launcher.contract import Order


@dataclass(frozen=True)
class Hello:
    """What the node can count on: the kind of sandbox, and the interpreters of this machine as
    `{"name": "python3.12", "version": "3.12.1", "executable": "/usr/bin/python3.12"}`."""

    sandbox: str
    interpreters: list[dict[str, str]]


@dataclass(frozen=True)
class Prepare:
    """Make ready what shortens the starts of `runtime` for this account."""

    request: int
    runtime: str
    account_id: str


@dataclass(frozen=True)
class Prepared:
    """Answer to Prepare; `problem` is a sentence when it did not work."""

    request: int
    problem: str | None


@dataclass(frozen=True)
class Start:
    """Start a sandbox; the packet carries the environment's channel and output."""

    order: Order


@dataclass(frozen=True)
class Started:
    """The sandbox is on its way; the packet carries the gauges named in `gauges`."""

    environment_id: str
    gauges: list[str]
    cpu_quota: str


@dataclass(frozen=True)
class NotStarted:
    """No sandbox came to be."""

    environment_id: str
    problem: str


@dataclass(frozen=True)
class Stop:
    """Kill the sandbox of this environment."""

    environment_id: str


@dataclass(frozen=True)
class Exited:
    """The sandbox's last process has ended, with this wait status."""

    environment_id: str
    status: int
    out_of_memory: bool
    memory_peak: int


Message = Hello | Prepare | Prepared | Start | Started | NotStarted | Stop | Exited
_KINDS = {
    kind.__name__: kind
    for kind in (Hello, Prepare, Prepared, Start, Started, NotStarted, Stop, Exited)
}


def encode(message: Message) -> dict[str, Any]:
    """The packet of `message`."""
    return {"type": type(message).__name__, **dataclasses.asdict(message)}


def decode(packet: dict[str, Any]) -> Message:
    """The message in `packet`; KeyError or TypeError when it is none."""
    members = dict(packet)
    kind = _KINDS[members.pop("type")]
    if kind is Start:
        members["order"] = Order(**members["order"])
    message: Message = kind(**members)
    return message


def send(channel: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Send `message`; the descriptors stay open here."""
    packets.send(channel, encode(message), descriptors)
