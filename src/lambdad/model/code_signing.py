"""A code signing config: who may sign the packages of the functions that use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from lambdad.arn import code_signing_config_arn


@dataclass(frozen=True, slots=True)
class CodeSigningConfig:
    """`id` is `csc-` and 17 characters. `policy` says what happens to a package that nobody
    allowed has signed: Warn lets it through, Enforce does not. The publishers are ARNs of versions
    of signing profiles."""

    kind: ClassVar[str] = "code-signing-config"

    account_id: str
    region: str
    id: str
    publishers: tuple[str, ...]
    last_modified: float  # seconds since the epoch
    policy: str = "Warn"
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, id."""
        return (self.account_id, self.region, self.id)

    @property
    def arn(self) -> str:
        return code_signing_config_arn(self.account_id, self.region, self.id)
