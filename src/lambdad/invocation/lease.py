"""Concurrency leases: the permission to run one event now.

A lease is not an environment: who holds a lease may have to wait for an environment, and an idle
environment holds no lease.

    account   limit ─┬─ what functions have claimed: reserved for all versions of one, else
                     │  provisioned for some versions of it
                     └─ unreserved: shared by the functions that have nothing reserved, beyond what
                        is provisioned for the version that runs
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from lambdad.errors import ClientError
from lambdad.model.concurrency import FunctionConcurrency
from lambdad.model.function import FunctionVersion
from lambdad.model.resource import Key

_ACCOUNT_LIMIT = "ConcurrentInvocationLimitExceeded"
_RESERVED_LIMIT = "ReservedFunctionConcurrentInvocationLimitExceeded"


class Leases:
    """Counts what runs, per account and region, against the account's limit and what functions
    have claimed of it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._functions: dict[Key, _Function] = {}

    def lease(self, version: FunctionVersion) -> Lease:
        """A lease to hold by `with`, at once; TooManyRequestsException when a limit is reached."""
        key = (version.account_id, version.region, version.name)
        function = self._functions.get(key) or self._open(key)
        lease = function.leases.get(version.version) or function.open(version.version)
        account = function.account
        if account.running >= account.limit:
            raise throttled(_ACCOUNT_LIMIT)
        if function.reserved is None:
            is_covered = lease.running < lease.provisioned
            if not is_covered and account.running_unreserved >= account.unreserved:
                raise throttled(_ACCOUNT_LIMIT)
        elif function.running >= function.reserved:
            raise throttled(_RESERVED_LIMIT)
        return lease

    def apply(self, key: Key, concurrency: FunctionConcurrency) -> None:
        """From now on the function has this and nothing else of its account's concurrency; what
        runs goes on and counts as if it had begun so."""
        function = self._functions.get(key) or self._open(key)
        function.apply(concurrency)
        if function.claimed == 0 and function.reserved is None and not function.leases:
            del self._functions[key]

    def _open(self, key: Key) -> _Function:
        place = key[:2]
        account = self._accounts.get(place)
        if account is None:
            account = self._accounts[place] = _Account(self._limit, unreserved=self._limit)
        function = self._functions[key] = _Function(account)
        return function


@dataclass(slots=True)
class _Account:
    limit: int
    unreserved: int
    running: int = 0
    running_unreserved: int = 0


@dataclass(slots=True)
class _Function:
    account: _Account
    claimed: int = 0
    reserved: int | None = None
    running: int = 0
    leases: dict[str, Lease] = field(default_factory=dict)  # by version

    def open(self, version: str) -> Lease:
        lease = self.leases[version] = Lease(self, self.account)
        return lease

    def apply(self, concurrency: FunctionConcurrency) -> None:
        account = self.account
        account.running_unreserved -= self._running_unreserved()
        account.unreserved += self.claimed - concurrency.claimed
        self.claimed, self.reserved = concurrency.claimed, concurrency.reserved
        for lease in self.leases.values():
            lease.provisioned = 0
        for each in concurrency.provisioned:
            version = each.version.version
            (self.leases.get(version) or self.open(version)).provisioned = each.wanted
        account.running_unreserved += self._running_unreserved()
        idle = [v for v, lease in self.leases.items() if not (lease.running or lease.provisioned)]
        for version in idle:
            del self.leases[version]

    def _running_unreserved(self) -> int:
        if self.reserved is not None:
            return 0
        return sum(max(0, lease.running - lease.provisioned) for lease in self.leases.values())


class Lease:
    """The permission to run events of one version: `with` holds it once more."""

    __slots__ = ("_account", "_function", "provisioned", "running")

    def __init__(self, function: _Function, account: _Account) -> None:
        self._function = function
        self._account = account
        self.running = 0
        self.provisioned = 0

    def __enter__(self) -> Self:
        self.running += 1
        self._function.running += 1
        self._account.running += 1
        if self.running > self.provisioned and self._function.reserved is None:
            self._account.running_unreserved += 1
        return self

    def __exit__(self, *_: object) -> None:
        if self.running > self.provisioned and self._function.reserved is None:
            self._account.running_unreserved -= 1
        self._account.running -= 1
        self._function.running -= 1
        self.running -= 1


def throttled(reason: str) -> ClientError:
    """AWS's 429, with the reason that its model lists."""
    return ClientError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        members={"Reason": reason, "retryAfterSeconds": "1"},
    )
