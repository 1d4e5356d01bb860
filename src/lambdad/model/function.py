"""A function as its control plane knows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from lambdad.arn import LATEST, function_arn

DEFAULT_TIMEOUT = 3
DEFAULT_MEMORY_MB = 128
DEFAULT_EPHEMERAL_STORAGE_MB = 512


@dataclass(frozen=True, slots=True)
class Code:
    """A deployment package: the digest names the blob, and the unpacked tree beside it."""

    sha256: str  # hex
    size: int  # bytes of the zip


@dataclass(frozen=True, slots=True)
class Status:
    """State or LastUpdateStatus, with AWS's reason strings."""

    value: str
    reason: str | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionVersion:
    """An immutable snapshot of a function's code and configuration; `$LATEST` is one, replaced
    as a whole by every change.

    `runtime_in_use` is the identifier of the runtime that really runs it, which differs from
    `runtime` when that one is not on this machine and the settings allow the nearest.
    `settings` holds configuration members in AWS's words and shapes that lambdad returns as they
    were given (Description, TracingConfig, LoggingConfig, …).
    """

    account_id: str
    region: str
    name: str
    version: str
    runtime: str
    handler: str
    role: str
    code: Code
    revision_id: str
    last_modified: float  # seconds since the epoch
    state: Status
    last_update: Status | None = None
    description: str = ""
    timeout: int = DEFAULT_TIMEOUT  # seconds
    memory_mb: int = DEFAULT_MEMORY_MB
    ephemeral_storage_mb: int = DEFAULT_EPHEMERAL_STORAGE_MB
    variables: dict[str, str] = field(default_factory=dict)
    runtime_in_use: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def unqualified_arn(self) -> str:
        return function_arn(self.account_id, self.region, self.name)

    @property
    def qualified_arn(self) -> str:
        return function_arn(self.account_id, self.region, self.name, self.version)

    @property
    def log_group(self) -> str:
        logging = self.settings.get("LoggingConfig") or {}
        return str(logging.get("LogGroup") or f"/aws/lambda/{self.name}")


@dataclass(frozen=True, slots=True)
class Function:
    """The resource: `latest` is its `$LATEST` version.

    `pending` is a change that has been accepted and is being prepared: it becomes `latest` when
    its code is ready, and until then invocations use the old one.
    """

    latest: FunctionVersion
    tags: dict[str, str] = field(default_factory=dict)
    pending: FunctionVersion | None = None

    @property
    def name(self) -> str:
        return self.latest.name

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, name."""
        return (self.latest.account_id, self.latest.region, self.latest.name)

    def with_latest(self, latest: FunctionVersion) -> Function:
        """The same function after a change has taken effect."""
        return replace(self, latest=latest, pending=None)


__all__ = ["LATEST", "Code", "Function", "FunctionVersion", "Status"]
