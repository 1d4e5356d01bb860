"""The metrics that Lambda itself tells of a function (namespace AWS/Lambda), by dimension."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lambdad.model.metric import Metric

NAMESPACE = "AWS/Lambda"

_MILLISECONDS = frozenset(
    {"Duration", "PostRuntimeExtensionsDuration", "IteratorAge", "AsyncEventAge"}
    | {"UrlRequestLatency"}
)

# What a region has of these is told of the region: it is no sum, and no maximum, of functions'.
_NOT_ADDED_UP = frozenset(
    {"ConcurrentExecutions", "ProvisionedConcurrentExecutions", "ProvisionedConcurrencyUtilization"}
)


class FunctionMetric(NamedTuple):
    """One metric of a function: `resource` is what was invoked (`thumbnail:live`), `executed` the
    version that ran for an alias. Without a function it is the whole region's."""

    account_id: str
    region: str
    function: str
    name: str
    resource: str = ""
    executed: str = ""


def unit_of(name: str) -> str:
    """The unit of a metric by its name."""
    return "Milliseconds" if name in _MILLISECONDS else "Count"


def metrics_of(one: FunctionMetric) -> Iterator[Metric]:
    """All that it counts in: the region's, the function's, the resource's, the version's."""
    place = (one.account_id, one.region, NAMESPACE, one.name)
    if not one.function or one.name not in _NOT_ADDED_UP:
        yield Metric(*place)
    if not one.function:
        return
    function = ("FunctionName", one.function)
    yield Metric(*place, (function,))
    if one.resource:
        resource = ("Resource", one.resource)
        yield Metric(*place, (function, resource))
        if one.executed:
            yield Metric(*place, (("ExecutedVersion", one.executed), function, resource))
