"""How a change of a function takes effect.

    CreateFunction ──▶ State Pending ─────────prepare──▶ Active, LastUpdateStatus Successful
                                        └─────fails────▶ Failed
    UpdateFunction… ──▶ LastUpdateStatus InProgress ──▶ Successful: the new version replaces the old
                        (the old one serves)        └─▶ Failed: the old version stays

Each arrow is durable before anybody can see it, and a change that a killed server left unfinished
is taken up again by `resume`.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from lambdad.errors import ClientError, PlatformError
from lambdad.model.function import (
    LATEST,
    LATEST_PUBLISHED,
    Function,
    FunctionVersion,
    Status,
)
from lambdad.services.lambda_.changes import until_saved
from lambdad.services.lambda_.claims import apply_claims
from lambdad.services.lambda_.control_plane import ControlPlane

CREATING = Status("Pending", "The function is being created.", "Creating")
UPDATING = Status("InProgress", "The function is being created.", "Creating")
ACTIVE = Status("Active")
SUCCESSFUL = Status("Successful")

# What an error is called among AWS's reason codes, where it is one of them.
_REASON_CODES = (
    ("InvalidRuntimeException", "InvalidRuntime"),
    ("InvalidZipFileException", "InvalidZipFileException"),
)
_log = logging.getLogger(__name__)


async def accept(control: ControlPlane, function: Function, *published: FunctionVersion) -> None:
    """Save a function that has a change ahead of it, and set the change going.

    `published` are versions that were published together with the change. The caller holds the
    function's lock.
    """
    await control.resources.save(function, *published)
    control.changes.start(_take_effect(control, function.newest))


async def resume(control: ControlPlane) -> None:
    """Take up every change that the last server left unfinished, and what functions claim."""
    for function in control.resources.all(Function):
        apply_claims(control, function.key)
        if function.pending is not None or is_pending(function):
            control.changes.start(_take_effect(control, function.newest))


def is_pending(function: Function) -> bool:
    """Whether the function is still being created."""
    return function.latest.state.value == CREATING.value


async def _take_effect(control: ControlPlane, version: FunctionVersion) -> None:
    """Prepare `version`, and make it the function's, or say there why it failed."""
    prepared, failure = await _prepare(control, version)
    await until_saved(version.unqualified_arn, lambda: _settle(control, prepared, failure))


async def _settle(control: ControlPlane, prepared: FunctionVersion, failure: Status | None) -> None:
    """The lock is held for one attempt only: on a full disk the function can still be deleted."""
    async with control.changes.lock(prepared.function_key):
        function = control.resources.find(Function, *prepared.function_key)
        if function is None or function.newest.revision_id != prepared.revision_id:
            return  # deleted meanwhile, perhaps made anew
        published = _published_with(control, function)
        if failure is None:
            active = replace(prepared, state=ACTIVE, last_update=SUCCESSFUL)
            in_use = prepared.runtime_in_use
            after = function.with_latest(active)
            published = [
                replace(each, state=ACTIVE, last_update=SUCCESSFUL, runtime_in_use=in_use)
                for each in published
            ]
        else:
            after = failed(function, failure)
            published = [
                replace(each, state=failure) for each in published if not _is_there(control, each)
            ]
        await control.resources.save(after, *published)
        control.invoker.retire(function.key, LATEST)
        if function.pending_published is not None and failure is None:
            control.invoker.retire(function.key, LATEST_PUBLISHED)
        apply_claims(control, function.key)


def _published_with(control: ControlPlane, function: Function) -> list[FunctionVersion]:
    """The versions that were published together with the change that is on its way."""
    account_id, region, name = function.key
    last = control.resources.find(
        FunctionVersion, account_id, region, f"{name}:{function.last_version}"
    )
    found = (last, function.pending_published)
    return [each for each in found if each is not None and each.state.value == CREATING.value]


def _is_there(control: ControlPlane, version: FunctionVersion) -> bool:
    """Whether a version of this name serves, and so goes on serving when its change fails."""
    found = control.resources.find(FunctionVersion, *version.key)
    return found is not None and found.state.value != CREATING.value


async def _prepare(
    control: ControlPlane, version: FunctionVersion
) -> tuple[FunctionVersion, Status | None]:
    if version.is_image:
        return version, None  # there is nothing to prepare: images do not run yet
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
    revision_id = function.newest.revision_id
    if function.pending is None:
        latest = replace(function.latest, state=failure)
    else:
        latest = replace(function.latest, last_update=failure, revision_id=revision_id)
    return function.with_latest(latest)
