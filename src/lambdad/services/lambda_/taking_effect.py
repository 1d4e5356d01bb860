"""How a change of a function takes effect.

    CreateFunction ──▶ State Pending ─────────prepare──▶ Active, LastUpdateStatus Successful
                                        └─────fails────▶ Failed
    UpdateFunction… ──▶ LastUpdateStatus InProgress ──▶ Successful: the new version replaces the old
                        (the old one serves)        └─▶ Failed: the old version stays

Each arrow is durable before anybody can see it, and a change that a killed server left unfinished
is taken up again by `resume`.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

from lambdad.errors import ClientError, PlatformError
from lambdad.model.function import Function, FunctionVersion, Status
from lambdad.services.lambda_.control_plane import ControlPlane

CREATING = Status("Pending", "The function is being created.", "Creating")
UPDATING = Status("InProgress", "The function is being created.", "Creating")
ACTIVE = Status("Active")
SUCCESSFUL = Status("Successful")

SAVE_AGAIN_AFTER = 5.0

# What an error is called among AWS's reason codes, where it is one of them.
_REASON_CODES = (
    ("InvalidRuntimeException", "InvalidRuntime"),
    ("InvalidZipFileException", "InvalidZipFileException"),
)
_log = logging.getLogger(__name__)


async def accept(control: ControlPlane, function: Function) -> None:
    """Save a function that has a change ahead of it, and set the change going.

    The caller holds the function's lock.
    """
    await control.functions.save(function)
    control.changes.start(_take_effect(control, changing(function)))


async def resume(control: ControlPlane) -> None:
    """Take up every change that the last server left unfinished."""
    for function in control.functions.all():
        if function.pending is not None or is_pending(function):
            control.changes.start(_take_effect(control, changing(function)))


def changing(function: Function) -> FunctionVersion:
    """The newest version of a function, whether or not it has taken effect."""
    return function.pending or function.latest


def is_pending(function: Function) -> bool:
    """Whether the function is still being created."""
    return function.latest.state.value == CREATING.value


async def _take_effect(control: ControlPlane, version: FunctionVersion) -> None:
    """Prepare `version`, and make it the function's, or say there why it failed."""
    prepared, failure = await _prepare(control, version)
    key = (version.account_id, version.region, version.name)
    async with control.changes.lock(key):
        function = control.functions.find(*key)
        if function is None or changing(function).revision_id != version.revision_id:
            return  # deleted meanwhile, perhaps made anew
        if failure is not None:
            await _save(control, failed(function, failure))
            return
        active = replace(prepared, state=ACTIVE, last_update=SUCCESSFUL)
        await _save(control, function.with_latest(active))
        control.invoker.retire(key)


async def _prepare(
    control: ControlPlane, version: FunctionVersion
) -> tuple[FunctionVersion, Status | None]:
    try:
        return await control.preparation.prepare(version), None
    except ClientError as error:
        code = dict(_REASON_CODES).get(error.code, "InvalidConfiguration")
        return version, Status("Failed", error.message, code)
    except PlatformError as error:
        _log.warning("%s could not be prepared: %s", version.unqualified_arn, error)
        return version, Status("Failed", str(error), "InternalError")
    except Exception:
        _log.exception("%s could not be prepared.", version.unqualified_arn)
        return version, Status("Failed", "An internal error occurred.", "InternalError")


def failed(function: Function, failure: Status) -> Function:
    """The function after its change has failed: what served before goes on serving."""
    revision_id = changing(function).revision_id
    if function.pending is None:
        latest = replace(function.latest, state=failure)
    else:
        latest = replace(function.latest, last_update=failure, revision_id=revision_id)
    return function.with_latest(latest)


async def _save(control: ControlPlane, function: Function) -> None:
    """Save, and on a full disk try until there is room: nobody else would end this change."""
    while True:
        try:
            return await control.functions.save(function)
        except Exception:
            _log.exception("%s could not be saved; trying again.", function.latest.unqualified_arn)
            await asyncio.sleep(SAVE_AGAIN_AFTER)
