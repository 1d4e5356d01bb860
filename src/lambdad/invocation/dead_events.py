"""Dead events are kept for a while, and not for ever."""

from __future__ import annotations

import asyncio
import logging

from lambdad.clock import Clock
from lambdad.store.event_records import EventRecords

SWEEP_SECONDS = 3_600.0
_log = logging.getLogger(__name__)


async def forget_dead_forever(records: EventRecords, clock: Clock, keep_seconds: float) -> None:
    """Forget those that died longer ago; runs as a task for the node's life."""
    while True:
        try:
            forgotten = await records.forget_dead(clock.now() - keep_seconds)
        except Exception:
            _log.exception("Dead events cannot be forgotten; trying again.")
        else:
            if forgotten:
                _log.info("Forgot %d dead events: they were too old.", forgotten)
        await asyncio.sleep(SWEEP_SECONDS)
