"""Leases: never more than the limit, always given back."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from played import make_version

from lambdad.clock import FakeClock
from lambdad.errors import ClientError
from lambdad.invocation.lease import Leases
from lambdad.model.concurrency import FunctionConcurrency, ProvisionedVersion

VERSION = make_version()
ELSEWHERE = [
    make_version(account_id="210987654321"),
    make_version(region="us-east-1"),
]


def test_the_limit_is_reached_and_no_further() -> None:
    leases = Leases(2, FakeClock())
    other = make_version("g")
    with (
        leases.lease(VERSION),
        leases.lease(other),
        pytest.raises(ClientError) as caught,
        leases.lease(VERSION),
    ):
        pass
    assert caught.value.code == "TooManyRequestsException"
    assert caught.value.members["Reason"] == "ConcurrentInvocationLimitExceeded"
    with leases.lease(VERSION), leases.lease(VERSION):
        pass


def test_who_was_refused_holds_nothing() -> None:
    leases = Leases(1, FakeClock())
    with leases.lease(VERSION):
        for _ in range(3):
            with pytest.raises(ClientError), leases.lease(VERSION):
                pass
    with leases.lease(VERSION):
        pass


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_a_lease_is_given_back_however_it_ends(failure: type[BaseException]) -> None:
    leases = Leases(1, FakeClock())
    for _ in range(3):
        with pytest.raises(failure), leases.lease(VERSION):
            raise failure


@pytest.mark.parametrize("other", ELSEWHERE)
def test_accounts_and_regions_do_not_share_a_limit(other: object) -> None:
    leases = Leases(1, FakeClock())
    with leases.lease(VERSION), leases.lease(other):  # type: ignore[arg-type]
        pass


@given(st.integers(1, 4), st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=30))
def test_the_ledger_is_right_whatever_comes(limit: int, steps: list[tuple[int, bool]]) -> None:
    """Each step takes a lease of one of three accounts, or gives the oldest of it back."""
    leases = Leases(limit, FakeClock())
    versions = [VERSION, *ELSEWHERE]
    held: list[list[ExitStack]] = [[], [], []]
    for account, is_taking in steps:
        if is_taking and len(held[account]) < limit:
            stack = ExitStack()
            stack.enter_context(leases.lease(versions[account]))
            held[account].append(stack)
        elif is_taking:
            with pytest.raises(ClientError), leases.lease(versions[account]):
                pass
        elif held[account]:
            held[account].pop(0).close()
    for stack in [stack for each in held for stack in each]:
        stack.close()
    with ExitStack() as everything:
        for version in versions:
            for _ in range(limit):
                everything.enter_context(leases.lease(version))


def test_the_most_that_has_run_at_once_is_told_once() -> None:
    leases, version = Leases(5, FakeClock()), make_version()
    with leases.lease(version), leases.lease(version):
        pass
    place = (version.account_id, version.region, "")
    assert set(leases.measure()) == {
        ("ConcurrentExecutions", place, 2, ""),
        ("UnreservedConcurrentExecutions", place, 2, ""),
        ("ClaimedAccountConcurrency", place, 2, ""),
    }
    assert list(leases.measure()) == []


def test_how_much_of_what_is_provisioned_is_used_is_told_by_version() -> None:
    leases, version = Leases(50, FakeClock()), make_version(version="3")
    provisioned = (ProvisionedVersion(version, wanted=4),)
    leases.apply(version.function_key, FunctionConcurrency(None, provisioned))
    with leases.lease(version):
        told = {(name, resource): value for name, _, value, resource in leases.measure()}
    assert told[("ProvisionedConcurrentExecutions", "f:3")] == 1
    assert told[("ProvisionedConcurrencyUtilization", "f:3")] == 0.25
    assert told[("ClaimedAccountConcurrency", "")] == 4
