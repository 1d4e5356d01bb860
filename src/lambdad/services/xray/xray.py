"""What X-Ray's operations work with."""

from __future__ import annotations

from dataclasses import dataclass

from lambdad.clock import Clock
from lambdad.errors import ClientError
from lambdad.observe.traces import TraceStore


@dataclass(frozen=True, slots=True)
class XRay:
    """The parts that X-Ray's operations work with."""

    traces: TraceStore
    clock: Clock


def invalid_request(message: str) -> ClientError:
    """X-Ray's error for a request that cannot be."""
    return ClientError("InvalidRequestException", message)
