"""How a change of an event source mapping takes effect: in the background, and again after a
restart. The states are those of `lambdad.model.event_source_mapping`.
"""

from __future__ import annotations

from lambdad.model.event_source_mapping import AT_REST, EventSourceMapping, settled
from lambdad.model.resource import Key
from lambdad.services.lambda_.control_plane import ControlPlane


async def accept(control: ControlPlane, mapping: EventSourceMapping) -> None:
    """Save a mapping that has a change ahead of it, and set the change going.

    The caller holds the mapping's lock.
    """
    await control.resources.save(mapping)
    _start(control, mapping.key)


async def resume(control: ControlPlane) -> None:
    """Take up every change that the last server left unfinished."""
    for mapping in control.resources.all(EventSourceMapping):
        if mapping.state not in AT_REST:
            _start(control, mapping.key)


def _start(control: ControlPlane, key: Key) -> None:
    what = f"The event source mapping {key[2]}"
    control.changes.start_step(what, lambda: _settle(control, key))


async def _settle(control: ControlPlane, key: Key) -> None:
    """Let what is ahead of a mapping take effect."""
    async with control.changes.lock(key, EventSourceMapping.kind):
        mapping = control.resources.find(EventSourceMapping, *key)
        if mapping is None or mapping.state in AT_REST:
            return
        changed = settled(mapping, control.clock.now())
        if changed is None:
            await control.resources.delete(mapping)
        else:
            await control.resources.save(changed)
