"""Saving what goes on in the background, where nobody waits for an error."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from lambdad.model.resource import Resource
from lambdad.services.lambda_.control_plane import ControlPlane

SAVE_AGAIN_AFTER = 5.0  # seconds

_log = logging.getLogger(__name__)


async def save_at_last(
    control: ControlPlane, *saved: Resource, deleted: Iterable[Resource] = ()
) -> None:
    """Save, and on a full disk try until there is room: nobody else would end this change."""
    gone = tuple(deleted)
    while True:
        try:
            return await control.resources.save(*saved, deleted=gone)
        except Exception:
            keys = ", ".join(each.key[2] for each in (*saved, *gone))
            _log.exception("%s could not be saved; trying again.", keys)
            await asyncio.sleep(SAVE_AGAIN_AFTER)
