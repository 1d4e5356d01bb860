"""Concurrency: what functions have of their account's, and how much must stay for the others."""

from __future__ import annotations

from dataclasses import dataclass

from lambdad.model.function import FunctionVersion

LEAST_UNRESERVED = 100


@dataclass(frozen=True, slots=True)
class ProvisionedVersion:
    """How many environments of a version shall be initialized ahead of its invocations."""

    version: FunctionVersion
    wanted: int


@dataclass(frozen=True, slots=True)
class FunctionConcurrency:
    """What is reserved for a function, and what is provisioned for its versions."""

    reserved: int | None = None
    provisioned: tuple[ProvisionedVersion, ...] = ()

    @property
    def provisioned_in_all(self) -> int:
        return sum(each.wanted for each in self.provisioned)

    @property
    def claimed(self) -> int:
        """What other functions cannot use of the account's limit. What is provisioned for a
        function with a reservation is a part of that."""
        return self.provisioned_in_all if self.reserved is None else self.reserved


UNCLAIMED = FunctionConcurrency()


@dataclass(frozen=True, slots=True)
class Provisioned:
    """How far the environments of a version have been initialized ahead: `available` are ready or
    have an event, `failure` is why others could not be. `invocations` have run in them, and
    `spillovers` on demand since all of them had an event."""

    available: int = 0
    failure: str | None = None
    invocations: int = 0
    spillovers: int = 0


def least_unreserved(limit: int) -> int:
    """How much of an account's limit no function may claim: 100 of 1,000, a tenth of less."""
    return min(LEAST_UNRESERVED, limit // 10)


def provisioned_status(wanted: int, provisioned: Provisioned) -> str:
    """AWS's word for how far it is."""
    if provisioned.available >= wanted:
        return "READY"
    return "IN_PROGRESS" if provisioned.failure is None else "FAILED"
