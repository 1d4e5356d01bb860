"""Concurrency leases: the permission to run one event now.

A lease is not an environment: who holds a lease may have to wait for an environment, and an idle
environment holds no lease.
"""

from __future__ import annotations

from collections import Counter
from typing import Self

from lambdad.errors import ClientError
from lambdad.model.function import FunctionVersion


class Leases:
    """Counts what runs, per account and region, against the account's limit."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running: Counter[tuple[str, str]] = Counter()

    def lease(self, version: FunctionVersion) -> Lease:
        """A lease to hold; TooManyRequestsException when the account's limit is reached."""
        account = (version.account_id, version.region)
        if self._running[account] >= self._limit:
            raise throttled("ConcurrentInvocationLimitExceeded")
        return Lease(self._running, account)


class Lease:
    """One of the leases, taken and given back by `with`."""

    __slots__ = ("_account", "_running")

    def __init__(self, running: Counter[tuple[str, str]], account: tuple[str, str]) -> None:
        self._running = running
        self._account = account

    def __enter__(self) -> Self:
        self._running[self._account] += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._running[self._account] -= 1


def throttled(reason: str) -> ClientError:
    """AWS's 429, with the reason that its model lists."""
    return ClientError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        members={"Reason": reason, "retryAfterSeconds": "1"},
    )
