"""An event invoke config: what becomes of a function's asynchronous invocations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from lambdad.arn import function_arn


@dataclass(frozen=True, slots=True)
class EventInvokeConfig:
    """One of `$LATEST`, of a published version or of an alias.

    What was not set is None, and the default holds. `destinations` is AWS's DestinationConfig.
    """

    kind: ClassVar[str] = "event-invoke-config"

    account_id: str
    region: str
    function_name: str
    qualifier: str
    last_modified: float  # seconds since the epoch
    maximum_retry_attempts: int | None = None
    maximum_event_age: int | None = None  # seconds
    destinations: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `function:qualifier`."""
        return (self.account_id, self.region, f"{self.function_name}:{self.qualifier}")

    @property
    def arn(self) -> str:
        """The ARN of what it configures."""
        return function_arn(self.account_id, self.region, self.function_name, self.qualifier)
