"""Scaling configs: between which numbers of environments a version shall have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class ScalingConfig:
    """The bounds of a published version or of `$LATEST.PUBLISHED`; None where none was given."""

    kind: ClassVar[str] = "scaling-config"

    account_id: str
    region: str
    function_name: str
    version: str
    min_execution_environments: int | None = None
    max_execution_environments: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `function:version`."""
        return (self.account_id, self.region, f"{self.function_name}:{self.version}")
