"""An alias: a name for one published version, or for two with a weight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lambdad.arn import function_arn


@dataclass(frozen=True, slots=True)
class Alias:
    """`weights` has at most one other version and the share of invocations that it gets."""

    kind: ClassVar[str] = "alias"

    account_id: str
    region: str
    function_name: str
    name: str
    function_version: str
    revision_id: str
    description: str = ""
    weights: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `function:alias`."""
        return (self.account_id, self.region, f"{self.function_name}:{self.name}")

    @property
    def arn(self) -> str:
        return function_arn(self.account_id, self.region, self.function_name, self.name)


def choose_version(alias: Alias, draw: float) -> str:
    """The version for one invocation; `draw` is a random number from 0 to just below 1."""
    for version, weight in alias.weights.items():
        if draw < weight:
            return version
    return alias.function_version
