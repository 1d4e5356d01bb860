"""Provisioned concurrency: environments of a version or an alias that are initialized ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lambdad.arn import function_arn


@dataclass(frozen=True, slots=True)
class ProvisionedConcurrency:
    """What was asked for; `qualifier` is a version's number or an alias's name."""

    kind: ClassVar[str] = "provisioned-concurrency"

    account_id: str
    region: str
    function_name: str
    qualifier: str
    requested: int
    last_modified: float  # seconds since the epoch

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `function:qualifier`."""
        return (self.account_id, self.region, f"{self.function_name}:{self.qualifier}")

    @property
    def arn(self) -> str:
        """That of the version or alias."""
        return function_arn(self.account_id, self.region, self.function_name, self.qualifier)
