"""When a version's runtime is replaced by a newer one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class RuntimeManagementConfig:
    """The update mode of one version; `runtime_version_arn` belongs to Manual alone."""

    kind: ClassVar[str] = "runtime-management-config"

    account_id: str
    region: str
    function_name: str
    version: str
    update_runtime_on: str = "Auto"
    runtime_version_arn: str | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `function:version`."""
        return (self.account_id, self.region, f"{self.function_name}:{self.version}")
