"""The ledger of leases against a plain model: reservations come and go while functions run."""

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
from lambdad.invocation.lease import Leases
from lambdad.model.concurrency import UNCLAIMED, FunctionConcurrency, ProvisionedVersion

LIMIT = 6
NAMES, VERSIONS = ("f", "g", "h"), ("$LATEST", "1", "2")
names, numbers = st.sampled_from(NAMES), st.sampled_from(VERSIONS)
amounts = st.integers(0, 4)
RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT = "ConcurrentInvocationLimitExceeded"


class LedgerMachine(RuleBasedStateMachine):
    """`held` are the leases that somebody holds just now."""

    def __init__(self) -> None:
        super().__init__()
        self.leases = Leases(LIMIT, FakeClock())
        self.held: list[tuple[str, str, Any]] = []
        self.concurrency = dict.fromkeys(NAMES, UNCLAIMED)

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

    def change(self, name: str, concurrency: FunctionConcurrency) -> None:
        self.concurrency[name] = concurrency
        self.leases.apply(make_version(name).function_key, concurrency)

    @rule(name=names, version=numbers, count=st.integers(1, 4))
    def take_some(self, name: str, version: str, count: int) -> None:
        for _ in range(count):
            self.take(name, version)

    def take(self, name: str, version: str) -> None:
        resolved = make_version(name, version=version)
        refusal = self.expected(name, version)
        if refusal is None:
            self.held.append((name, version, self.leases.lease(resolved).__enter__()))
            return
        with pytest.raises(ClientError) as caught:
            self.leases.lease(resolved)
        assert caught.value.members["Reason"] == refusal

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


LedgerMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestLedger = pytest.mark.slow(LedgerMachine.TestCase)
