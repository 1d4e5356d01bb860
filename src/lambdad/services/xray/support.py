"""What is served in part, or has another effect here than on AWS: by operation, for the docs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

PARTIAL: Mapping[str, str] = MappingProxyType(
    {
        "GetSamplingRules": "AWS's default rule; others cannot be made",
        "GetSamplingTargets": "of the default rule",
        "GetServiceGraph": "services and who calls whom, without groups and histograms",
        "GetTraceGraph": "services and who calls whom, without histograms",
        "GetTraceSummaries": "filters by ok, error, fault, throttle, partial, duration, "
        "responsetime, http.*, user, annotations and service(name); without root causes, and "
        "always all traces (Sampling has no effect); TimeRangeType Service counts as Event",
        "PutTelemetryRecords": "taken and forgotten",
    }
)
