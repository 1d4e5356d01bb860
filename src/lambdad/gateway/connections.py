"""The connections of one listener, and what they have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from math import inf
from typing import TYPE_CHECKING

from lambdad.gateway.http import Request, Response
from lambdad.gateway.outbox import Outbox
from lambdad.gateway.pulse import Pulse
from lambdad.model.caller import Caller

if TYPE_CHECKING:
    from lambdad.gateway.connection import Connection

# Answers a request; None when there is nobody to answer any more.
App = Callable[[Request], Awaitable[Response | None]]


class Connections:
    """Those of one listener.

    `caller` is whose listener it is, None for the front door. `is_empty` waits for answers too
    whose connection is gone.
    """

    def __init__(
        self, app: App, pulse: Pulse, outbox: Outbox, caller: Caller | None, limit: int
    ) -> None:
        self.app = app
        self.pulse = pulse
        self.outbox = outbox
        self.caller = caller
        self.is_empty = asyncio.Event()
        self.is_empty.set()
        self._limit = limit
        self._open: set[Connection] = set()
        self._busy: set[Connection] = set()

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open))

    def add(self, connection: Connection) -> bool:
        """A connection has begun; False when there are too many, and all of them are of use."""
        self._open.add(connection)
        self.is_empty.clear()
        return len(self._open) <= self._limit or self._makes_room()

    def _makes_room(self) -> bool:
        """Whether one could be ended for it: the one that has been silent for longest."""
        longest = min(self._open, key=_silent_since)
        if longest.silent_since in (None, self.pulse.seconds):
            return False
        self._open.discard(longest)
        longest.abort()
        return True

    def remove(self, connection: Connection) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        self._look_if_empty()

    def began(self, connection: Connection) -> None:
        """A request of it is being answered."""
        self._busy.add(connection)

    def finished(self, connection: Connection) -> None:
        """And is no more."""
        self._busy.discard(connection)
        if not self._open:
            self._look_if_empty()

    def _look_if_empty(self) -> None:
        if not self._open and not self._busy:
            self.is_empty.set()


def _silent_since(connection: Connection) -> float:
    since = connection.silent_since
    return inf if since is None else since
