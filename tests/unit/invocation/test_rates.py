"""Leases by the second: requests, accepted events, and environments that are made."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest
from played import make_version

from lambdad.clock import FakeClock
from lambdad.errors import ClientError
from lambdad.invocation.lease import ENVIRONMENTS, Leases
from lambdad.model.concurrency import UNCLAIMED, FunctionConcurrency, ProvisionedVersion
from lambdad.model.function import FunctionVersion

F, G = make_version("f"), make_version("g")
ONE = make_version("f", version="1")
ACCOUNT_RATE = "FunctionInvocationRateLimitExceeded"
RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"


@pytest.fixture
def leases(clock: FakeClock) -> Leases:
    return Leases(5, clock)


def invoke(leases: Leases, version: FunctionVersion = F, **how: Any) -> str:
    """A short event: why it was refused, "" when it ran."""
    try:
        with leases.lease(version, **how):
            return ""
    except ClientError as error:
        return reason_of(error)


def reason_of(error: ClientError) -> str:
    """Why; and all else of AWS's 429 is there."""
    assert (error.code, error.message) == ("TooManyRequestsException", "Rate Exceeded.")
    assert error.members["retryAfterSeconds"] == "1"
    return str(error.members["Reason"])


def admit(leases: Leases, version: FunctionVersion = F) -> str:
    try:
        leases.admit_event(version.function_key)
    except ClientError as error:
        return reason_of(error)
    return ""


def burst(leases: Leases, version: FunctionVersion = F, count: int = 100) -> tuple[int, set[str]]:
    """Short events one after the other: how many ran, and why the others did not."""
    answers = [invoke(leases, version) for _ in range(count)]
    return answers.count(""), {answer for answer in answers if answer}


def provision(version: FunctionVersion, count: int) -> FunctionConcurrency:
    return FunctionConcurrency(None, (ProvisionedVersion(version, count),))


def test_an_account_has_ten_requests_a_second_for_each_of_its_concurrency(
    leases: Leases, clock: FakeClock
) -> None:
    assert burst(leases) == (50, {ACCOUNT_RATE})
    assert invoke(leases, G) == ACCOUNT_RATE
    assert invoke(leases, make_version(region="us-east-1")) == ""
    clock.advance(0.1)
    assert burst(leases) == (5, {ACCOUNT_RATE})


def test_who_is_told_to_come_back_in_a_second_finds_it_true(
    leases: Leases, clock: FakeClock
) -> None:
    leases.apply(F.function_key, FunctionConcurrency(1))
    for version in (F, G):
        burst(leases, version)
    clock.advance(1)
    assert [invoke(leases, version) for version in (F, G)] == ["", ""]


def test_a_reservation_has_a_rate_of_its_own(leases: Leases, clock: FakeClock) -> None:
    leases.apply(F.function_key, FunctionConcurrency(2))
    assert burst(leases) == (20, {RESERVED_RATE})
    assert burst(leases, G) == (50, {ACCOUNT_RATE})
    clock.advance(0.5)
    assert burst(leases) == (10, {RESERVED_RATE})
    # And it cannot be had anew by reserving again
    leases.apply(F.function_key, FunctionConcurrency(1))
    assert invoke(leases) == RESERVED_RATE
    # And without it the account's counts
    leases.apply(F.function_key, UNCLAIMED)
    assert burst(leases) == (25, {ACCOUNT_RATE})


def test_nothing_reserved_is_a_limit_of_concurrency(leases: Leases) -> None:
    leases.apply(F.function_key, FunctionConcurrency(0))
    assert invoke(leases) == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_what_is_provisioned_has_a_rate_and_the_rest_is_the_accounts(
    leases: Leases, clock: FakeClock
) -> None:
    leases.apply(F.function_key, provision(ONE, 2))
    assert burst(leases, G) == (50, {ACCOUNT_RATE})
    assert burst(leases, F) == (0, {ACCOUNT_RATE})
    assert burst(leases, ONE) == (20, {ACCOUNT_RATE})
    clock.advance(1)
    assert burst(leases, ONE) == (70, {ACCOUNT_RATE})


def test_what_spills_over_counts_in_the_accounts_rate(leases: Leases, clock: FakeClock) -> None:
    leases.apply(F.function_key, provision(ONE, 1))
    with leases.lease(ONE):
        assert burst(leases, ONE) == (50, {ACCOUNT_RATE})
    assert burst(leases, ONE) == (9, {ACCOUNT_RATE})


def test_what_is_refused_for_its_concurrency_takes_nothing_of_the_rate(leases: Leases) -> None:
    with ExitStack() as running:
        for _ in range(5):
            running.enter_context(leases.lease(F))
        assert burst(leases) == (0, {"ConcurrentInvocationLimitExceeded"})
    assert burst(leases) == (45, {ACCOUNT_RATE})


# Asynchronous events


def test_an_event_counts_when_it_is_accepted_and_not_when_it_runs(leases: Leases) -> None:
    assert [admit(leases) for _ in range(50)] == [""] * 50
    assert admit(leases) == invoke(leases) == ACCOUNT_RATE
    assert [invoke(leases, counts_rate=False) for _ in range(200)] == [""] * 200


def test_an_event_counts_in_the_accounts_rate_whatever_is_reserved(leases: Leases) -> None:
    leases.apply(F.function_key, FunctionConcurrency(0))
    assert admit(leases) == ""
    assert burst(leases, G) == (49, {ACCOUNT_RATE})
    assert admit(leases) == ACCOUNT_RATE


def test_an_event_of_an_account_that_nobody_knows_yet_is_accepted(leases: Leases) -> None:
    assert admit(leases, make_version(account_id="210987654321")) == ""


# How many are free


@pytest.mark.parametrize(
    ("concurrency", "free"),
    [
        (UNCLAIMED, 5),
        (FunctionConcurrency(2), 2),
        (FunctionConcurrency(0), 0),
        (provision(ONE, 2), 5),
    ],
)
def test_as_many_are_free_as_could_run(
    leases: Leases, concurrency: FunctionConcurrency, free: int
) -> None:
    leases.apply(F.function_key, concurrency)
    with ExitStack() as running:
        for left in range(free, 0, -1):
            assert leases.free(F.function_key) == left
            version = ONE if left > 3 else F
            running.enter_context(leases.lease(version))
        assert leases.free(F.function_key) == 0
    assert leases.free(F.function_key) == free


def test_what_others_use_and_have_is_not_free(leases: Leases) -> None:
    leases.apply(G.function_key, FunctionConcurrency(2))
    with leases.lease(make_version("h")):
        assert leases.free(F.function_key) == 2
        assert leases.free(G.function_key) == 2
    assert leases.free(F.function_key) == 3


def test_what_is_provisioned_is_free_when_nothing_else_is(leases: Leases) -> None:
    leases.apply(F.function_key, provision(ONE, 2))
    leases.apply(G.function_key, FunctionConcurrency(3))
    assert leases.free(F.function_key) == 2
    with leases.lease(ONE):
        assert leases.free(F.function_key) == 1


# Environments


def make_environments(leases: Leases, version: FunctionVersion = F) -> tuple[int, str]:
    """How many may be made, and why no more."""
    made = 0
    while True:
        try:
            leases.admit_environment(version)
        except ClientError as error:
            return made, reason_of(error)
        made += 1


def test_a_function_may_have_a_thousand_made_and_a_thousand_more_in_ten_seconds(
    leases: Leases, clock: FakeClock
) -> None:
    reason = "ConcurrentInvocationLimitExceeded"
    assert make_environments(leases) == (ENVIRONMENTS, reason)
    assert make_environments(leases, ONE) == (0, reason)  # versions share it
    assert make_environments(leases, G) == (ENVIRONMENTS, reason)
    clock.advance(1)
    assert make_environments(leases) == (100, reason)
    clock.advance(100)
    assert make_environments(leases) == (1_000, reason)  # nothing is saved up


def test_a_function_with_a_reservation_hears_of_that(leases: Leases) -> None:
    leases.apply(F.function_key, FunctionConcurrency(3))
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert make_environments(leases) == (ENVIRONMENTS, reason)


# The books


def test_functions_of_which_nothing_is_to_be_known_are_forgotten(
    leases: Leases, clock: FakeClock
) -> None:
    # Given some of which there is
    kept = [make_version(name) for name in ("runs", "reserves", "provisions", "scales")]
    runs, reserves, provisions, scales = kept
    leases.apply(reserves.function_key, FunctionConcurrency(0))
    leases.apply(provisions.function_key, provision(provisions, 1))
    with leases.lease(runs):
        # When
        for number in range(10_000):
            clock.advance(1)
            invoke(leases, make_version(f"f{number}"))
        leases.admit_environment(scales)
        for number in range(1_000):
            invoke(leases, make_version(f"g{number}"))
        # Then
        assert len(leases._functions) <= 2_010
        assert {version.function_key for version in kept} <= set(leases._functions)
        assert leases.free(F.function_key) == 3
