"""What is on its way out: all that comes to be in one turn of the event loop is sent at its end.

Under load several answers, and events for functions, fall into one turn. Sent one by one, between
other work, each would wake a client or a function, which then takes the processor from those that
wait behind it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

_log = logging.getLogger(__name__)


class Outbox:
    """What the connections of a server have to send, in order."""

    def __init__(self) -> None:
        self._unsent: list[tuple[asyncio.Transport, Sequence[bytes], bool]] = []

    def send(
        self, transport: asyncio.Transport, pieces: Sequence[bytes], *, is_last: bool = False
    ) -> None:
        """Send the pieces at the end of this turn; after the last the connection is closed."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._flush)
        self._unsent.append((transport, pieces, is_last))

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, []
        for transport, pieces, is_last in unsent:
            if transport.is_closing():
                continue  # its client has gone meanwhile, and uvloop would raise
            try:
                transport.writelines(pieces)
                if is_last:
                    transport.close()
            except Exception:  # one must not cost the others behind it their answers
                _log.exception("An answer could not be sent.")
                transport.abort()
