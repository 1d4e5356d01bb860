"""How long the lines of a group are kept: PutRetentionPolicy, DeleteRetentionPolicy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.log_group_settings import RETENTION_DAYS, LogGroupSettings
from lambdad.model.resource import Key
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import invalid_parameter, require_group
from lambdad.services.logs.settings import settings_of
from lambdad.store.resources import Resources

DAY_MS = 86_400_000
_LOOK_SECONDS = 60.0


async def put_retention_policy(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Keep lines for so many days."""
    days = request["retentionInDays"]
    if days not in RETENTION_DAYS:
        raise invalid_parameter(
            f"Invalid retentionInDays value {days}. It must be one of "
            f"{', '.join(map(str, RETENTION_DAYS))}."
        )
    await _set(logs, context, request, days)
    return {}


async def delete_retention_policy(
    logs: Logs, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Keep lines for ever."""
    await _set(logs, context, request, None)
    return {}


def retention_of(resources: Resources, account_id: str, region: str, group: str) -> int | None:
    """For how many days a group's lines are kept; None for ever."""
    settings = resources.find(LogGroupSettings, account_id, region, group)
    return None if settings is None else settings.retention_days


def cutoffs(resources: Resources, now_ms: int) -> dict[Key, int]:
    """The time before which lines are too old, in milliseconds, of every group that has one."""
    return {
        settings.key: now_ms - settings.retention_days * DAY_MS
        for settings in resources.all(LogGroupSettings)
        if settings.retention_days is not None
    }


async def expire_forever(logs: Logs, more: Callable[[], Mapping[Key, int]]) -> None:
    """Let lines go that have become too old; `more` tells the cutoffs of groups of other kinds."""
    while True:
        logs.retention_changed.clear()
        old = {**cutoffs(logs.resources, logs.now_ms()), **more()}
        logs.store.expire(old)
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await logs.retention_changed.wait()
        except TimeoutError:
            pass


async def _set(
    logs: Logs, context: RequestContext, request: dict[str, Any], days: int | None
) -> None:
    async with logs.lock:
        group = require_group(logs.store, context.caller, request)
        settings = settings_of(logs, context.caller, group)
        await logs.resources.save(replace(settings, retention_days=days))
    logs.retention_changed.set()


OPERATIONS = {
    "DeleteRetentionPolicy": delete_retention_policy,
    "PutRetentionPolicy": put_retention_policy,
}
