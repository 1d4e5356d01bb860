"""AWS X-Ray: what functions and services did for a request, kept and found again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.services.xray import sampling, segments, service_graph, summaries, traces
from lambdad.services.xray.xray import XRay

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]

# Every file of operations.
_RESOURCES = (sampling, segments, service_graph, summaries, traces)


def operations(xray: XRay) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {
        ("xray", operation): partial(run, xray)
        for resource in _RESOURCES
        for operation, run in resource.OPERATIONS.items()
    }


__all__ = ["Operation", "XRay", "operations"]
