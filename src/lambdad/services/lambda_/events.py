"""Events: asynchronous invocations are accepted here, and run by the data plane."""

from __future__ import annotations

from lambdad.model.caller import RequestContext
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName


async def accept_event(
    control: ControlPlane,
    context: RequestContext,
    name: FunctionName,
    payload: bytes,
    tenant_id: str | None = None,
) -> None:
    """Keep an event for a function that is there and can be invoked; returns when it is on disk.
    Its request id stays the same, however often it is tried."""
    await control.events.accept(
        name.key,
        name.qualifier,
        payload,
        request_id=context.request_id,
        tenant_id=tenant_id,
    )
