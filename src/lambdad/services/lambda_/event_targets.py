"""What a queued event invokes, as it is configured now."""

from __future__ import annotations

from lambdad.arn import LATEST
from lambdad.errors import ClientError
from lambdad.model.event import (
    MAXIMUM_EVENT_AGE,
    MAXIMUM_RETRY_ATTEMPTS,
    Event,
    EventTarget,
)
from lambdad.model.event_invoke_config import EventInvokeConfig
from lambdad.model.function import FunctionVersion
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName

_DEFAULTS = EventInvokeConfig("", "", "", "", 0)


def find_target(control: ControlPlane, event: Event) -> EventTarget | None:
    """The version, its config and its destinations; None when function, version or alias are gone.
    Which version of an alias with weights it is, is drawn at each try."""
    name = FunctionName(*event.function_key, event.qualifier)
    try:
        function = names.find_function(control.resources, name)
        version = names.choose_invoked(control.resources, name, control.draw())
    except ClientError:
        return None
    config = _config(control, event)
    retries, age = config.maximum_retry_attempts, config.maximum_event_age
    return EventTarget(
        version=version,
        invoked_arn=name.arn,
        maximum_retry_attempts=MAXIMUM_RETRY_ATTEMPTS if retries is None else retries,
        maximum_event_age=MAXIMUM_EVENT_AGE if age is None else age,
        on_success=_destination(config, "OnSuccess"),
        on_failure=_destination(config, "OnFailure"),
        dead_letter=dead_letter(version),
        has_no_concurrency=function.reserved_concurrency == 0,
        may_recurse=function.recursive_loop == "Allow",
    )


def dead_letter(version: FunctionVersion) -> str:
    """The ARN of a version's dead-letter queue or topic; empty for none."""
    return str((version.settings.get("DeadLetterConfig") or {}).get("TargetArn") or "")


def _config(control: ControlPlane, event: Event) -> EventInvokeConfig:
    account_id, region, name = event.function_key
    id = f"{name}:{event.qualifier or LATEST}"
    return control.resources.find(EventInvokeConfig, account_id, region, id) or _DEFAULTS


def _destination(config: EventInvokeConfig, side: str) -> str:
    return str(config.destinations.get(side, {}).get("Destination") or "")
