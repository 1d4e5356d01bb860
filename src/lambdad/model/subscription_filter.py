"""Subscription filters: which lines of a log group a function gets, and in what form."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from lambdad.model.filter_pattern import FilterPattern
from lambdad.model.log_line import StoredLine

MAX_FILTERS = 2  # of one group
MAX_BATCH_SIZE = 512 * 1024  # of lines in JSON: what cannot be packed is below 1 MiB in base64


@dataclass(frozen=True, slots=True)
class SubscriptionFilter:
    """A pattern, and the function that gets the lines of a group that it lets through. Lines of
    frames up to `start_frame` came before it."""

    kind: ClassVar[str] = "subscription-filter"

    account_id: str
    region: str
    log_group: str
    name: str
    pattern: str
    destination_arn: str
    created_ms: int
    start_frame: int
    distribution: str = "ByLogStream"
    role_arn: str | None = None
    applies_to_transformed_logs: bool = False  # kept and told; there are no transformers

    @property
    def key(self) -> tuple[str, str, str]:
        """Where it lives: account id, region, group and name."""
        return (self.account_id, self.region, f"{self.log_group}:{self.name}")


def event_payloads(
    subscription: SubscriptionFilter, pattern: FilterPattern, lines: Iterable[StoredLine]
) -> Iterator[bytes]:
    """The events that the function gets for lines of one stream: one, or several if they are too
    long for it."""
    from lambdad.model.filter_pattern.columns import Columns  # see parse_filter_pattern

    batch: list[str] = []
    size, stream = 0, ""
    for line in lines:
        columns = pattern.extract(line.line.message) if isinstance(pattern, Columns) else {}
        if columns is None or not (columns or pattern.matches(line.line.message)):
            continue
        event = json.dumps(_log_event(line, columns), separators=(",", ":"))
        if batch and size + len(event) > MAX_BATCH_SIZE:
            yield _payload(subscription, stream, batch)
            batch, size = [], 0
        batch.append(event)
        size, stream = size + len(event), line.stream
    if batch:
        yield _payload(subscription, stream, batch)


def _payload(subscription: SubscriptionFilter, stream: str, log_events: Sequence[str]) -> bytes:
    message = {
        "messageType": "DATA_MESSAGE",
        "owner": subscription.account_id,
        "logGroup": subscription.log_group,
        "logStream": stream,
        "subscriptionFilters": [subscription.name],
    }
    head = json.dumps(message, separators=(",", ":")).removesuffix("}")
    text = f'{head},"logEvents":[{",".join(log_events)}]}}'
    packed = gzip.compress(text.encode(), mtime=0)
    return b'{"awslogs":{"data":"%b"}}' % base64.b64encode(packed)


def _log_event(line: StoredLine, columns: dict[str, str]) -> dict[str, Any]:
    event = {
        "id": line.position.digits,
        "timestamp": line.line.timestamp_ms,
        "message": line.line.message,
    }
    if columns:
        event["extractedFields"] = {name.removeprefix("$"): columns[name] for name in columns}
    return event
