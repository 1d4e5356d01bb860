"""Answers on their way out: all that come to be in one turn of the event loop are sent at its end.

Under load several answers fall into one turn. Sent one by one, between other work, each would wake
its client, which then competes for the processor with what it waits for next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


class Outbox:
    """What the connections of a server have to send, in order."""

    def __init__(self) -> None:
        self._unsent: list[tuple[asyncio.Transport, Iterable[bytes], bool]] = []

    def send(
        self, transport: asyncio.Transport, pieces: Iterable[bytes], *, is_last: bool = False
    ) -> None:
        """Send the pieces at the end of this turn; after the last the connection is closed."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append((transport, pieces, is_last))

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        for transport, pieces, is_last in unsent:
            transport.writelines(pieces)
            if is_last:
                transport.close()
