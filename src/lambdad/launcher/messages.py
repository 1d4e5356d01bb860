"""What node and launcher say to each other: one packet each, descriptors beside it.

    node ─▶ launcher   Prepare · LookAt · CountWaiting · Start [channel, output]
                       Restart [channel, output] · Kill · Discard · CheckMemory · Freeze · Thaw
    launcher ─▶ node   Hello · Prepared · Seen · WaitingCounted · Started [gauges …] ·
                       NotStarted · MemoryChecked · Exited

`Hello` is the first packet of all. Every `Start` and `Restart` is answered by `Started` or
`NotStarted`; every `Started` is followed, some day, by one `Exited`. After it the environment's
place is still there, until `Discard`.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

from lambdad.launcher import packets
from lambdad.launcher.contract import Look, Order


@dataclass(frozen=True)
class Hello:
    """What the node can count on: the kind of sandbox, and the interpreters of this machine as
    `{"name": "python3.12", "version": "3.12.1", "executable": "/usr/bin/python3.12"}`."""

    sandbox: str
    interpreters: list[dict[str, str]]


@dataclass(frozen=True)
class Prepare:
    """Make ready what shortens the starts of `runtime` for this account, with so much memory."""

    request: int
    runtime: str
    account_id: str
    memory_mb: int


@dataclass(frozen=True)
class Prepared:
    """Answer to Prepare; `problem` is a sentence when it did not work."""

    request: int
    problem: str | None


@dataclass(frozen=True)
class LookAt:
    """Look at a directory with live code."""

    request: int
    directory: str


@dataclass(frozen=True)
class Seen:
    """Answer to LookAt."""

    request: int
    look: Look


@dataclass(frozen=True)
class CountWaiting:
    """Count the sandboxes that were made ahead and wait."""

    request: int


@dataclass(frozen=True)
class WaitingCounted:
    """Answer to CountWaiting."""

    request: int
    count: int


@dataclass(frozen=True)
class Start:
    """Start a sandbox; the packet carries the environment's channel and output."""

    order: Order


@dataclass(frozen=True)
class Started:
    """The sandbox is on its way; the packet carries the gauges named in `gauges`."""

    environment_id: str
    gauges: list[str]
    texts: dict[str, str]


@dataclass(frozen=True)
class NotStarted:
    """No sandbox came to be, or none could run again, and nothing of it is left. `wanted` is what
    it wanted of the host's directories, when that was what there was not."""

    environment_id: str
    problem: str
    wanted: str = ""


@dataclass(frozen=True)
class Restart:
    """Run again in the sandbox of this environment, whose processes have ended; the packet carries
    a new channel and output."""

    environment_id: str


@dataclass(frozen=True)
class Kill:
    """End every process of this environment; its place stays."""

    environment_id: str


@dataclass(frozen=True)
class Discard:
    """End every process of this environment and give its place back."""

    environment_id: str


@dataclass(frozen=True)
class CheckMemory:
    """Kill the processes of this environment if they use more memory than they may."""

    environment_id: str


@dataclass(frozen=True)
class MemoryChecked:
    """Answer to CheckMemory: the bytes in use; None when that is too much, and `Exited` follows."""

    environment_id: str
    in_use: int | None


@dataclass(frozen=True)
class Freeze:
    """Stop every process of this environment, which has no freezer gauge."""

    environment_id: str


@dataclass(frozen=True)
class Thaw:
    """Let every process of this environment go on."""

    environment_id: str


@dataclass(frozen=True)
class Exited:
    """The sandbox's last process has ended, with this wait status."""

    environment_id: str
    status: int
    out_of_memory: bool
    memory_peak: int


Message = (
    Hello
    | Prepare
    | Prepared
    | LookAt
    | Seen
    | CountWaiting
    | WaitingCounted
    | Start
    | Started
    | NotStarted
    | Restart
    | Kill
    | Discard
    | CheckMemory
    | MemoryChecked
    | Freeze
    | Thaw
    | Exited
)
_KINDS = {kind.__name__: kind for kind in get_args(Message)}


def encode(message: Message) -> dict[str, Any]:
    """The packet of `message`."""
    return {"type": type(message).__name__, **dataclasses.asdict(message)}


def decode(packet: dict[str, Any]) -> Message:
    """The message in `packet`; KeyError or TypeError when it is none."""
    members = dict(packet)
    kind = _KINDS[members.pop("type")]
    if kind is Start:
        members["order"] = Order(**members["order"])
    if kind is Seen:
        members["look"] = Look(**members["look"])
    message: Message = kind(**members)
    return message


def send(channel: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Send `message`; the descriptors stay open here."""
    packets.send(channel, encode(message), descriptors)
