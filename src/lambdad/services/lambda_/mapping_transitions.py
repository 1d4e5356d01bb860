"""How a change of an event source mapping takes effect: in the background, and again after a
restart. The states are those of `lambdad.model.event_source_mapping`.
"""

from __future__ import annotations

import asyncio
import logging

from lambdad.model.event_source_mapping import AT_REST, EventSourceMapping, settled
from lambdad.model.resource import Key
from lambdad.services.lambda_.control_plane import ControlPlane

SAVE_AGAIN_AFTER = 5.0

_log = logging.getLogger(__name__)


async def accept(control: ControlPlane, mapping: EventSourceMapping) -> None:
    """Save a mapping that has a change ahead of it, and set the change going.

    The caller holds the mapping's lock.
    """
    await control.resources.save(mapping)
    control.changes.start(_settle(control, mapping.key))


async def resume(control: ControlPlane) -> None:
    """Take up every change that the last server left unfinished."""
    for mapping in control.resources.all(EventSourceMapping):
        if mapping.state not in AT_REST:
            control.changes.start(_settle(control, mapping.key))


async def _settle(control: ControlPlane, key: Key) -> None:
    """Let what is ahead of a mapping take effect; on a full disk try until there is room."""
    while True:
        try:
            async with control.changes.lock(key):
                return await _save_settled(control, key)
        except Exception:
            _log.exception("The event source mapping %s could not be saved; trying again.", key[2])
            await asyncio.sleep(SAVE_AGAIN_AFTER)


async def _save_settled(control: ControlPlane, key: Key) -> None:
    mapping = control.resources.find(EventSourceMapping, *key)
    if mapping is None or mapping.state in AT_REST:
        return
    changed = settled(mapping, control.clock.now())
    if changed is None:
        await control.resources.delete(mapping)
    else:
        await control.resources.save(changed)
