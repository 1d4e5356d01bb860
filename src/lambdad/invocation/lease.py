"""Concurrency leases: the permission to run one event now, and how often it is given.

A lease is not an environment: who holds a lease may have to wait for an environment, and an idle
environment holds no lease.

    account   limit ─┬─ what functions have claimed: reserved for all versions of one, else
                     │  provisioned for some versions of it
                     └─ unreserved: shared by the functions that have nothing reserved, beyond what
                        is provisioned for the version that runs

Requests come at ten times the concurrency a second at most. What is refused takes nothing of a
rate. Environments are made at a rate of each function's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from lambdad.clock import Clock
from lambdad.errors import ClientError
from lambdad.invocation.token_bucket import TokenBucket
from lambdad.model.concurrency import FunctionConcurrency
from lambdad.model.function import FunctionVersion
from lambdad.model.resource import Key

REQUESTS = 10  # a second, for each unit of concurrency
ENVIRONMENTS = 1_000  # that a function may have made at once
_ENVIRONMENTS_PER_SECOND = 100
_FEW_FUNCTIONS = 1_000  # which may stay in the books while nothing is known of them

TOO_MANY_REQUESTS = "TooManyRequestsException"
_ACCOUNT_LIMIT = "ConcurrentInvocationLimitExceeded"
_ACCOUNT_RATE = "FunctionInvocationRateLimitExceeded"
_RESERVED_LIMIT = "ReservedFunctionConcurrentInvocationLimitExceeded"
_RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"


class Leases:
    """Counts what runs, per account and region, against the account's limit and what functions
    have claimed of it; and what is asked for in a second. Whatever is too much is refused by
    TooManyRequestsException."""

    def __init__(self, limit: int, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._functions: dict[Key, _Function] = {}
        self._many_functions = _FEW_FUNCTIONS

    def lease(self, version: FunctionVersion, *, counts_rate: bool = True) -> Lease:
        """A lease to hold by `with`, at once. An event that `admit_event` has let in counts in no
        rate again."""
        key = (version.account_id, version.region, version.name)
        function = self._functions.get(key) or self._open(key)
        lease = function.leases.get(version.version) or function.open(version.version)
        account = function.account
        if account.running >= account.limit:
            raise throttled(_ACCOUNT_LIMIT)
        is_covered = False
        if function.reserved is None:
            is_covered = lease.running < lease.provisioned
            if not is_covered and account.running_unreserved >= account.unreserved:
                raise throttled(_ACCOUNT_LIMIT)
        elif function.running >= function.reserved:
            raise throttled(_RESERVED_LIMIT)
        if counts_rate:
            now = self._clock.monotonic()
            if not (is_covered and lease.rate.take(now)) and not function.rate.take(now):
                raise throttled(_ACCOUNT_RATE if function.reserved is None else _RESERVED_RATE)
        return lease

    def admit_event(self, function: Key) -> None:
        """Count the acceptance of an asynchronous event of this function, which holds no lease, in
        its account's rate."""
        if not self._account(function).rate.take(self._clock.monotonic()):
            raise throttled(_ACCOUNT_RATE)

    def admit_environment(self, version: FunctionVersion) -> None:
        """Count another environment that is made on demand in its function's rate."""
        key = version.function_key
        function = self._functions.get(key) or self._open(key)
        if not function.scaling.take(self._clock.monotonic()):
            raise throttled(_ACCOUNT_LIMIT if function.reserved is None else _RESERVED_LIMIT)

    def free(self, key: Key, *, spare: int = 0) -> int:
        """How many more leases a function could have now, if it asked for the right versions:
        what is provisioned for one is no other's. `spare` is how many must be left of what nobody
        has claimed."""
        function = self._functions.get(key) or self._open(key)
        account = function.account
        if function.reserved is not None:
            free = function.reserved - function.running
        else:
            covered = function.claimed - (function.running - function.running_unreserved)
            free = covered + max(0, account.unreserved - account.running_unreserved - spare)
        return max(0, min(free, account.limit - account.running))

    def apply(self, key: Key, concurrency: FunctionConcurrency) -> None:
        """From now on the function has this and nothing else of its account's concurrency; what
        runs goes on and counts as if it had begun so."""
        function = self._functions.get(key) or self._open(key)
        function.apply(concurrency, self._clock.monotonic())
        if not function.leases and function.is_at_rest(self._clock.monotonic()):
            del self._functions[key]

    @property
    def running(self) -> int:
        """How many leases are held, in all accounts."""
        return sum(account.running for account in self._accounts.values())

    def measure(self) -> Iterator[tuple[str, Key, float, str]]:
        """The most that has run at once since the last measuring, as AWS/Lambda's metrics: name,
        function (or region), value, resource. Nothing of where nothing has run."""
        for (account_id, region), account in self._accounts.items():
            peak, peak_unreserved = account.take_peaks()
            if peak:
                place = (account_id, region, "")
                claimed = account.limit - account.unreserved
                yield "ConcurrentExecutions", place, peak, ""
                yield "UnreservedConcurrentExecutions", place, peak_unreserved, ""
                yield "ClaimedAccountConcurrency", place, claimed + peak_unreserved, ""
        for key, function in self._functions.items():
            for version, lease in function.leases.items():
                if lease.provisioned:
                    resource = f"{key[2]}:{version}"
                    used = min(lease.take_peak(), lease.provisioned)
                    yield "ProvisionedConcurrentExecutions", key, used, resource
                    share = used / lease.provisioned
                    yield "ProvisionedConcurrencyUtilization", key, share, resource

    def _open(self, key: Key) -> _Function:
        if len(self._functions) >= self._many_functions:
            self._forget_those_at_rest()
        now = self._clock.monotonic()
        function = self._functions[key] = _Function(self._account(key), now)
        return function

    def _account(self, function: Key) -> _Account:
        place = function[:2]
        account = self._accounts.get(place)
        if account is None:
            account = self._accounts[place] = _Account(self._limit, self._clock.monotonic())
        return account

    def _forget_those_at_rest(self) -> None:
        """Those of which a new entry would say the same; seldom enough to cost nothing."""
        now = self._clock.monotonic()
        self._functions = {
            key: function
            for key, function in self._functions.items()
            if not function.is_at_rest(now)
        }
        self._many_functions = max(_FEW_FUNCTIONS, 2 * len(self._functions))


class _Account:
    __slots__ = (
        "limit", "peak", "peak_unreserved", "rate", "running", "running_unreserved", "unreserved",
    )  # fmt: skip

    def __init__(self, limit: int, now: float) -> None:
        self.limit = self.unreserved = limit
        self.running = self.running_unreserved = 0
        self.peak = self.peak_unreserved = 0
        self.rate = _request_rate(limit, now)

    def begin(self, *, is_unreserved: bool) -> None:
        self.running += 1
        self.peak = max(self.peak, self.running)
        if is_unreserved:
            self.running_unreserved += 1
            self.peak_unreserved = max(self.peak_unreserved, self.running_unreserved)

    def take_peaks(self) -> tuple[int, int]:
        peaks = self.peak, self.peak_unreserved
        self.peak, self.peak_unreserved = self.running, self.running_unreserved
        return peaks


class _Function:
    """`rate` is the account's unless something is reserved."""

    __slots__ = (
        "account", "claimed", "leases", "rate", "reserved", "running", "running_unreserved",
        "scaling",
    )  # fmt: skip

    def __init__(self, account: _Account, now: float) -> None:
        self.account = account
        self.claimed = self.running = self.running_unreserved = 0
        self.reserved: int | None = None
        self.leases: dict[str, Lease] = {}  # by version
        self.rate = account.rate
        self.scaling = TokenBucket(_ENVIRONMENTS_PER_SECOND, ENVIRONMENTS, now)

    def open(self, version: str) -> Lease:
        lease = self.leases[version] = Lease(self, self.account)
        return lease

    def is_at_rest(self, now: float) -> bool:
        has_claims = self.claimed or self.reserved is not None
        return not (self.running or has_claims) and self.scaling.is_full(now)

    def apply(self, concurrency: FunctionConcurrency, now: float) -> None:
        account = self.account
        account.running_unreserved -= self.running_unreserved
        account.unreserved += self.claimed - concurrency.claimed
        self._change_rate(concurrency.reserved, now)
        self.claimed, self.reserved = concurrency.claimed, concurrency.reserved
        wanted = {each.version.version: each.wanted for each in concurrency.provisioned}
        for version in {*self.leases, *wanted}:
            lease = self.leases.get(version) or self.open(version)
            lease.provision(wanted.get(version, 0), now)
        self.running_unreserved = self._count_unreserved()
        account.running_unreserved += self.running_unreserved
        idle = [v for v, lease in self.leases.items() if not (lease.running or lease.provisioned)]
        for version in idle:
            del self.leases[version]

    def _change_rate(self, reserved: int | None, now: float) -> None:
        if reserved is None:
            self.rate = self.account.rate
        elif self.reserved is None:
            self.rate = _request_rate(reserved, now)
        else:
            self.rate.change(REQUESTS * reserved, REQUESTS * reserved, now)

    def _count_unreserved(self) -> int:
        if self.reserved is not None:
            return 0
        return sum(max(0, lease.running - lease.provisioned) for lease in self.leases.values())


class Lease:
    """The permission to run events of one version: `with` holds it once more."""

    __slots__ = ("_account", "_function", "_peak", "provisioned", "rate", "running")

    def __init__(self, function: _Function, account: _Account) -> None:
        self._function = function
        self._account = account
        self.running = self._peak = 0
        self.provisioned = 0
        self.rate = _request_rate(0, now=0.0)  # of what is covered by provisioned concurrency

    @property
    def concurrency(self) -> int:
        """How many events of all versions of its function run."""
        return self._function.running

    def take_peak(self) -> int:
        """The most that has run at once since this was asked the last time."""
        peak, self._peak = self._peak, self.running
        return peak

    def provision(self, wanted: int, now: float) -> None:
        """From now on so many are provisioned for its version."""
        if wanted != self.provisioned:
            self.provisioned = wanted
            self.rate.change(REQUESTS * wanted, REQUESTS * wanted, now)

    def __enter__(self) -> Self:
        self.running += 1
        self._peak = max(self._peak, self.running)
        self._function.running += 1
        is_unreserved = self.running > self.provisioned and self._function.reserved is None
        if is_unreserved:
            self._function.running_unreserved += 1
        self._account.begin(is_unreserved=is_unreserved)
        return self

    def __exit__(self, *_: object) -> None:
        if self.running > self.provisioned and self._function.reserved is None:
            self._function.running_unreserved -= 1
            self._account.running_unreserved -= 1
        self._account.running -= 1
        self._function.running -= 1
        self.running -= 1


def _request_rate(concurrency: int, now: float) -> TokenBucket:
    per_second = REQUESTS * concurrency
    return TokenBucket(per_second, per_second, now)


def throttled(reason: str) -> ClientError:
    """AWS's 429, with the reason that its model lists. Every rate gives some within a second,
    which is the least that Retry-After can say."""
    return ClientError(
        TOO_MANY_REQUESTS,
        "Rate Exceeded.",
        members={"Reason": reason, "retryAfterSeconds": "1"},
    )
