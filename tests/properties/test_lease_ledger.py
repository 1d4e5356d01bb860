"""The ledger of leases against a plain model: reservations come and go while functions run, and
more is asked for in a second than there may be."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

sys.path.append(str(Path(__file__).parents[1] / "unit/invocation"))

from played import make_version

from lambdad.clock import FakeClock
from lambdad.errors import ClientError
from lambdad.invocation.lease import REQUESTS, Leases
from lambdad.model.concurrency import UNCLAIMED, FunctionConcurrency, ProvisionedVersion

LIMIT = 6
NAMES, VERSIONS = ("f", "g", "h"), ("$LATEST", "1", "2")
names, numbers = st.sampled_from(NAMES), st.sampled_from(VERSIONS)
amounts = st.integers(0, 4)
RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT = "ConcurrentInvocationLimitExceeded"
RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"
ACCOUNT_RATE = "FunctionInvocationRateLimitExceeded"


class Rate:
    """What is left of a second's requests; whole eighths of seconds pass, so that all is exact."""

    def __init__(self, concurrency: int = 0) -> None:
        self.capacity = self.left = float(REQUESTS * concurrency)

    def change(self, concurrency: int) -> None:
        taken = self.capacity - self.left
        self.capacity = float(REQUESTS * concurrency)
        self.left = max(0.0, self.capacity - taken)

    def pass_time(self, seconds: float) -> None:
        self.left = min(self.capacity, self.left + self.capacity * seconds)

    def take(self) -> bool:
        has_any = self.left >= 1
        self.left -= has_any
        return has_any


class LedgerMachine(RuleBasedStateMachine):
    """`held` are the leases that somebody holds just now."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.leases = Leases(LIMIT, self.clock)
        self.held: list[tuple[str, str, Any]] = []
        self.concurrency = dict.fromkeys(NAMES, UNCLAIMED)
        self.account_rate = Rate(LIMIT)
        self.reserved_rates: dict[str, Rate] = {}
        self.provisioned_rates = {(name, version): Rate() for name in NAMES for version in VERSIONS}

    def teardown(self) -> None:
        while self.held:
            self.give_back(0)
        for name in NAMES:
            self.change(name, UNCLAIMED)
        assert self.leases._functions == {}
        (account,) = self.leases._accounts.values() or [None]
        if account is not None:
            figures = (account.running, account.running_unreserved, account.unreserved)
            assert figures == (0, 0, LIMIT)

    def running(self, name: str) -> Counter[str]:
        return Counter(version for holder, version, _ in self.held if holder == name)

    def provisioned(self, name: str) -> dict[str, int]:
        return {each.version.version: each.wanted for each in self.concurrency[name].provisioned}

    def uses_unreserved(self, name: str) -> int:
        """How much of what is unreserved a function uses."""
        if self.concurrency[name].reserved is not None:
            return 0
        covered = self.provisioned(name)
        return sum(max(0, n - covered.get(v, 0)) for v, n in self.running(name).items())

    def unreserved(self) -> int:
        return LIMIT - sum(each.claimed for each in self.concurrency.values())

    def expected(self, name: str, version: str) -> str | None:
        """Why a lease is refused."""
        running, reserved = self.running(name), self.concurrency[name].reserved
        if len(self.held) >= LIMIT:
            return ACCOUNT
        if reserved is not None:
            return RESERVED if running.total() >= reserved else None
        if running[version] < self.provisioned(name).get(version, 0):
            return None
        used = sum(map(self.uses_unreserved, NAMES))
        return ACCOUNT if used >= self.unreserved() else None

    def expected_rate(self, name: str, version: str) -> str | None:
        """Why a lease that there would be is refused; it counts when it is not."""
        if self.concurrency[name].reserved is not None:
            return None if self.reserved_rates[name].take() else RESERVED_RATE
        is_covered = self.running(name)[version] < self.provisioned(name).get(version, 0)
        if is_covered and self.provisioned_rates[name, version].take():
            return None
        return None if self.account_rate.take() else ACCOUNT_RATE

    def free(self, name: str) -> int:
        """How many leases there would be, one after the other, of the versions that have some."""
        running, reserved = self.running(name), self.concurrency[name].reserved
        if reserved is not None:
            free = reserved - running.total()
        else:
            covered = self.provisioned(name)
            free = sum(max(0, n - running[version]) for version, n in covered.items())
            free += max(0, self.unreserved() - sum(map(self.uses_unreserved, NAMES)))
        return max(0, min(free, LIMIT - len(self.held)))

    def change(self, name: str, concurrency: FunctionConcurrency) -> None:
        self.concurrency[name] = concurrency
        for version in VERSIONS:
            self.provisioned_rates[name, version].change(self.provisioned(name).get(version, 0))
        if concurrency.reserved is None:
            self.reserved_rates.pop(name, None)
        elif name in self.reserved_rates:
            self.reserved_rates[name].change(concurrency.reserved)
        else:
            self.reserved_rates[name] = Rate(concurrency.reserved)
        self.leases.apply(make_version(name).function_key, concurrency)

    @rule(name=names, version=numbers, count=st.integers(1, 4))
    def take_some(self, name: str, version: str, count: int) -> None:
        for _ in range(count):
            self.take(name, version)

    @rule(name=names, version=numbers, count=st.sampled_from([1, 9, 10, 30, 70]))
    def run_short_ones(self, name: str, version: str, count: int) -> None:
        """Events that are over at once, so that only the rate limits them."""
        for _ in range(count):
            if self.take(name, version):
                self.give_back(-1)

    @rule(name=names, version=numbers)
    def run_accepted_ones(self, name: str, version: str) -> None:
        for _ in range(2 * REQUESTS * LIMIT):
            if self.take(name, version, counts_rate=False):
                self.give_back(-1)

    @rule(name=names, count=st.sampled_from([1, 10, 70]))
    def accept_events(self, name: str, count: int) -> None:
        for _ in range(count):
            key = make_version(name).function_key
            if self.account_rate.take():
                self.leases.admit_event(key)
                continue
            with pytest.raises(ClientError) as caught:
                self.leases.admit_event(key)
            assert caught.value.members["Reason"] == ACCOUNT_RATE

    def take(self, name: str, version: str, *, counts_rate: bool = True) -> bool:
        resolved = make_version(name, version=version)
        refusal = self.expected(name, version)
        if refusal is None and counts_rate:
            refusal = self.expected_rate(name, version)
        if refusal is None:
            lease = self.leases.lease(resolved, counts_rate=counts_rate).__enter__()
            self.held.append((name, version, lease))
            return True
        with pytest.raises(ClientError) as caught:
            self.leases.lease(resolved, counts_rate=counts_rate)
        assert caught.value.members["Reason"] == refusal
        assert caught.value.members["retryAfterSeconds"] == "1"
        return False

    @rule(eighths=st.integers(1, 10))
    def let_time_pass(self, eighths: int) -> None:
        seconds = eighths / 8
        self.clock.advance(seconds)
        rates = (self.account_rate, *self.reserved_rates.values(), *self.provisioned_rates.values())
        for rate in rates:
            rate.pass_time(seconds)

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 20))
    def give_back(self, which: int) -> None:
        _, _, lease = self.held.pop(which % len(self.held))
        lease.__exit__()

    @rule(name=names, reserved=st.none() | amounts)
    def reserve(self, name: str, reserved: int | None) -> None:
        self.change(name, FunctionConcurrency(reserved, self.concurrency[name].provisioned))

    @rule(name=names, one=amounts, other=amounts)
    def provision(self, name: str, one: int, other: int) -> None:
        versions = tuple(
            ProvisionedVersion(make_version(name, version=version), wanted)
            for version, wanted in (("1", one), ("2", other))
            if wanted
        )
        self.change(name, FunctionConcurrency(self.concurrency[name].reserved, versions))

    @rule(name=names)
    def delete(self, name: str) -> None:
        self.change(name, UNCLAIMED)

    @invariant()
    def an_account_never_runs_more_than_it_may(self) -> None:
        assert len(self.held) <= LIMIT

    @invariant()
    def the_ledger_counts_what_runs(self) -> None:
        for account in self.leases._accounts.values():
            used = sum(map(self.uses_unreserved, NAMES))
            assert (account.running, account.running_unreserved) == (len(self.held), used)
            assert account.unreserved == self.unreserved()

    @invariant()
    def it_knows_how_many_are_free(self) -> None:
        for name in NAMES:
            assert self.leases.free(make_version(name).function_key) == self.free(name)


LedgerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLedger = pytest.mark.slow(LedgerMachine.TestCase)
