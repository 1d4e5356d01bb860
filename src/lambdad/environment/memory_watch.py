"""Looking after the memory of environments that have an event.

The kernel's hard limit has room for what lies in /tmp, which does not count. So somebody looks, ten
times a second, whether that room is used, and if so asks the launcher whether for files or memory.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

INTERVAL_SECONDS = 0.1
_log = logging.getLogger(__name__)


class Measured(Protocol):
    """Something whose memory is looked after."""

    def check_memory(self) -> None:
        """End what uses too much."""


class MemoryWatch:
    """The environments that run now."""

    def __init__(self) -> None:
        self._running: set[Measured] = set()

    def begin(self, measured: Measured) -> None:
        """It runs from now on."""
        self._running.add(measured)

    def end(self, measured: Measured) -> None:
        """It runs no more."""
        self._running.discard(measured)

    async def watch_forever(self) -> None:
        """Look now and then; runs as a task for the node's life."""
        while True:
            await asyncio.sleep(INTERVAL_SECONDS)
            for measured in list(self._running):
                try:
                    measured.check_memory()
                except Exception:  # nobody else watches
                    _log.exception("The memory of an environment could not be checked.")
