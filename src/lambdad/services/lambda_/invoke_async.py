"""InvokeAsync: the old way to invoke a function asynchronously, which AWS still serves."""

from __future__ import annotations

from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.model.limits import INVOKE_ASYNC_PAYLOAD
from lambdad.services.lambda_ import names
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.events import accept_event
from lambdad.services.lambda_.invoke import check_invocable, checked_payload


async def invoke_async(
    control: ControlPlane, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Accept an event for `$LATEST`, or what else the name says, as Invoke does with Event."""
    name = names.resolve(context, request)
    version = names.choose_invoked(control.resources, name, control.draw())
    check_invocable(version, {})
    payload = checked_payload(request["InvokeArgs"] or b"{}", limit=INVOKE_ASYNC_PAYLOAD)
    await accept_event(control, context, name, version, payload)
    return {"Status": 202}


OPERATIONS = {"InvokeAsync": invoke_async}
