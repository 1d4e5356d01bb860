"""Events: asynchronous invocations are accepted here, and run by the data plane."""

from __future__ import annotations

from lambdad.model.caller import RequestContext
from lambdad.model.function import FunctionVersion
from lambdad.services.lambda_.control_plane import ControlPlane
from lambdad.services.lambda_.names import FunctionName
from lambdad.services.lambda_.tracing import event_trace


async def accept_event(
    control: ControlPlane,
    context: RequestContext,
    name: FunctionName,
    version: FunctionVersion,
    payload: bytes,
    tenant_id: str | None = None,
) -> str:
    """Keep an event for a function that is there and can be invoked now, as `version`; returns its
    trace header when it is on disk. Its request id stays the same, however often it is tried."""
    trace_header = event_trace(control, context, version)
    await control.events.accept(
        name.key,
        name.qualifier,
        payload,
        request_id=context.request_id,
        trace_header=trace_header,
        tenant_id=tenant_id,
    )
    return trace_header
