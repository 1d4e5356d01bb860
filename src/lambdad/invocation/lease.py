"""Concurrency leases: the permission to run one event now.

A lease is not an environment: who holds a lease may have to wait for an environment, and an idle
environment holds no lease.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from lambdad.errors import ClientError
from lambdad.model.function import FunctionVersion


class Leases:
    """Counts what runs, per account and region, against the account's limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def lease(self, version: FunctionVersion) -> Iterator[None]:
        """Hold a lease; TooManyRequestsException when the account's limit is reached."""
        account = (version.account_id, version.region)
        if self._running[account] >= self._limit:
            raise throttled("ConcurrentInvocationLimitExceeded")
        self._running[account] += 1
        try:
            yield
        finally:
            self._running[account] -= 1


def throttled(reason: str) -> ClientError:
    """AWS's 429, with the reason that its model lists."""
    return ClientError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        members={"Reason": reason, "retryAfterSeconds": "1"},
    )
