"""How asynchronous invocations of a function, version or alias are retried, and where their
results go."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from lambdad.arn import function_arn

DEFAULT_RETRY_ATTEMPTS = 2
DEFAULT_EVENT_AGE = 21_600  # seconds

# What a destination may be, by the service in its ARN: what the rest of the ARN looks like.
_DESTINATIONS = {
    "sqs": re.compile(r"[a-zA-Z0-9_-]+"),
    "sns": re.compile(r"[a-zA-Z0-9_-]+"),
    "lambda": re.compile(r"function:[a-zA-Z0-9_-]+(:(\$LATEST|[a-zA-Z0-9_-]+))?"),
    "events": re.compile(r"event-bus/[a-zA-Z0-9._/-]+"),
    "s3": re.compile(r"[a-z0-9.-]+"),
}


@dataclass(frozen=True, slots=True)
class EventInvokeConfig:
    """`qualifier` is `$LATEST`, a version or an alias. A member that was never set is None.

    `destinations` is AWS's DestinationConfig.
    """

    kind: ClassVar[str] = "event-invoke-config"

    account_id: str
    region: str
    function_name: str
    qualifier: str
    last_modified: float  # seconds since the epoch
    retry_attempts: int | None = None
    event_age: int | None = None  # seconds
    destinations: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, `function:qualifier`."""
        return (self.account_id, self.region, f"{self.function_name}:{self.qualifier}")

    @property
    def arn(self) -> str:
        """The qualified ARN of what it configures."""
        return function_arn(self.account_id, self.region, self.function_name, self.qualifier)


def refused_destination(arn: str, *, is_for_failures: bool) -> str | None:
    """Why results cannot be sent to `arn`; None when they can. An empty one is no destination."""
    if not arn:
        return None
    parts = arn.split(":", 5)
    rest = _DESTINATIONS.get(parts[2]) if len(parts) == 6 else None
    if rest is None or (parts[2] == "s3" and not is_for_failures):
        kinds = "SQS queue, SNS topic, Lambda function or EventBridge event bus"
        return f"The destination {arn} is none of the supported ones: {kinds}" + (
            ", or S3 bucket." if is_for_failures else "; an S3 bucket takes failures only."
        )
    if parts[2] in ("sqs", "sns") and parts[5].endswith(".fifo"):
        return (
            f"The destination {arn} is a FIFO one; only standard queues and topics are supported."
        )
    if not rest.fullmatch(parts[5]):
        return f"The destination {arn} is not the ARN of a resource of {parts[2]}."
    return None
