"""The trace header that an invocation has: the request's goes on, or a new one begins."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.function import Function, FunctionVersion
from lambdad.model.recursion import count_hop, is_loop
from lambdad.model.trace_header import TraceHeader, begin_trace, next_hop, parse_trace_header
from lambdad.services.lambda_.control_plane import ControlPlane


def event_trace(control: ControlPlane, context: RequestContext, version: FunctionVersion) -> str:
    """The header of an event, this invocation counted: whether it is one too many of a loop is
    looked at when the event is tried. It still has the caller's segment as its parent, because
    each try is to be a segment of its own."""
    incoming = parse_trace_header(context.trace_header)
    if incoming is None:
        return _begin(control, version, has_parent=False)
    header = _counted(control, version, incoming)
    return str(replace(header, parent=incoming.parent))


def invocation_trace(
    control: ControlPlane, context: RequestContext, version: FunctionVersion
) -> str:
    """The header of an invocation whose caller waits; RecursiveInvocationException when it would
    be one too many of a loop."""
    incoming = parse_trace_header(context.trace_header)
    if incoming is None:
        return _begin(control, version)
    header = _counted(control, version, incoming)
    if is_loop(header, version.unqualified_arn) and not _may_recurse(control, version):
        raise _recursive_invocation()
    return str(header)


def upstream(trace_header: str) -> str:
    """The segment from which a request came, as its header names it; empty when it does not."""
    incoming = parse_trace_header(trace_header) if trace_header else None
    return incoming.parent if incoming else ""


def told_to_caller(trace: str) -> dict[str, Any]:
    """The part of an answer that tells the header of its invocation."""
    return {"ResponseMetadata": {"HTTPHeaders": {"X-Amzn-Trace-Id": trace}}}


def _begin(control: ControlPlane, version: FunctionVersion, *, has_parent: bool = True) -> str:
    is_sampled = _is_sampled(control, version, None)
    random = os.urandom(20 if has_parent else 12)
    return begin_trace(control.clock.now(), random, is_sampled=is_sampled)


def _counted(control: ControlPlane, version: FunctionVersion, incoming: TraceHeader) -> TraceHeader:
    is_sampled = _is_sampled(control, version, incoming.sampled)
    header = next_hop(incoming, os.urandom(8), is_sampled=is_sampled)
    return count_hop(header, version.unqualified_arn)


def _is_sampled(control: ControlPlane, version: FunctionVersion, decision: bool | None) -> bool:
    """What was decided before holds; else only a function with active tracing decides."""
    if decision is not None:
        return decision
    tracing = version.settings.get("TracingConfig")
    if tracing is None or tracing.get("Mode") != "Active":
        return False
    return control.sampler.takes(version.unqualified_arn, control.clock.now(), control.draw())


def _may_recurse(control: ControlPlane, version: FunctionVersion) -> bool:
    function = control.resources.find(Function, *version.function_key)
    return function is not None and function.recursive_loop == "Allow"


def _recursive_invocation() -> ClientError:
    return ClientError(
        "RecursiveInvocationException",
        "Lambda has detected your function being invoked in a recursive loop and stopped this "
        "invocation.",
    )
