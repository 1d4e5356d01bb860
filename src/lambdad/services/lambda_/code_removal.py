"""Removing code that nothing refers to any more: packages, and what was unpacked of them.

A package goes when two sweeps in a row find it unused: an invocation that has chosen a version just
before it was replaced may still need its code. One that was put lately stays, as somebody may be
about to refer to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Set

from lambdad.services.lambda_.control_plane import ControlPlane

EVERY_SECONDS = 60.0
PUT_LATELY_SECONDS = 900.0

_log = logging.getLogger(__name__)


async def remove_forever(control: ControlPlane) -> None:
    """Sweep now and then; runs as a task for the node's life."""
    suspects: Set[str] = frozenset()
    while True:
        try:
            suspects = await sweep(control, suspects)
        except Exception:
            _log.exception("Unused code could not be removed; trying again.")
        await asyncio.sleep(EVERY_SECONDS)


async def sweep(control: ControlPlane, suspects: Set[str]) -> Set[str]:
    """Remove what was unused at the last sweep and still is; returns what is unused now."""
    trees = control.preparation.digests()
    kept = {*await control.blobs.digests(), *trees}
    running = control.invoker.digests()
    refers_to = control.resources.code.refers_to
    unused = {each for each in kept if each not in running and not refers_to(each)}
    for digest in unused & suspects:
        if refers_to(digest):
            continue  # since a moment ago
        if digest in trees and digest not in control.invoker.digests():
            control.preparation.discard(digest)
        await control.blobs.delete(digest, unless_put_within=PUT_LATELY_SECONDS)
    return unused
