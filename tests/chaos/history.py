"""What was seen of a server under faults: by its clients, by its functions, in its database.

Every moment is in seconds of CLOCK_MONOTONIC, which is one for all processes of a machine. An event
is known by its tag, which its payload carries: a client whose connection broke never learns of the
request id.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from enum import Enum


class Answer(Enum):
    """What a client was told of an event."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # by an error that was read to its end
    NONE = "none"  # the connection broke: it may be queued, or not


@dataclass(frozen=True, slots=True)
class Sent:
    """One event that a client has sent; `error` is the answer's status and code, if it had one."""

    tag: str
    function: str
    sent_at: float
    answered_at: float
    answer: Answer
    request_id: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, as the function itself has told; `ended` is None when it never came to its end."""

    tag: str
    function: str
    request_id: str
    started: float
    ended: float | None = None
    has_failed: bool = False

    @property
    def has_succeeded(self) -> bool:
        """Whether it came to a good end."""
        return self.ended is not None and not self.has_failed


class Kind(Enum):
    """What was done to the server."""

    LAUNCHER = "kill launcher"
    NODE = "kill node"
    ZYGOTE = "kill zygote"
    ENVIRONMENT = "kill environment"
    STOP = "stop node"
    FULL_DISK = "full disk"

    @property
    def is_kill(self) -> bool:
        """Whether it is a kill -9."""
        return self not in (Kind.STOP, Kind.FULL_DISK)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was done to the server, from `began` to `ended`."""

    kind: Kind
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database holds: the request ids of events that are queued, that are dead, and that
    have a delivery on its way."""

    queued: Set[str] = frozenset()
    dead: Set[str] = frozenset()
    handed_on: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class History:
    """All of it. What was sent was read first, the database second and the runs last, so that a
    history that is taken while the server works is in order too.

    `limits` are the reserved concurrencies of functions. `logged` are the tags of which the log
    groups have the last line that a good run prints; None when they were not read.
    """

    sent: tuple[Sent, ...]
    stored: Stored
    runs: tuple[Run, ...]
    faults: tuple[Fault, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)
    logged: Set[str] | None = None
    tries: int = 3

    @property
    def accepted(self) -> list[Sent]:
        """What clients were promised."""
        return [each for each in self.sent if each.answer is Answer.ACCEPTED]


@dataclass(frozen=True, slots=True)
class Claimed:
    """At a moment somebody had claimed an event, with a fence."""

    event_id: int
    fence: int
    at: float
    by: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Somebody has settled an event, or was told that it is no longer his."""

    event_id: int
    fence: int
    began: float
    at: float
    by: str
    was_accepted: bool
