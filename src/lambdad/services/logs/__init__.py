"""Amazon CloudWatch Logs: groups, streams and lines, as far as reading and writing them goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.clock import Clock
from lambdad.model.caller import RequestContext
from lambdad.observe.log_store import LogStore
from lambdad.services.logs import events, groups, streams
from lambdad.services.logs.put_events import put_log_events

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]


def operations(log_store: LogStore, clock: Clock) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {
        ("logs", "CreateLogGroup"): partial(groups.create_log_group, log_store),
        ("logs", "CreateLogStream"): partial(streams.create_log_stream, log_store),
        ("logs", "DeleteLogGroup"): partial(groups.delete_log_group, log_store),
        ("logs", "DeleteLogStream"): partial(streams.delete_log_stream, log_store),
        ("logs", "DescribeLogGroups"): partial(groups.describe_log_groups, log_store),
        ("logs", "DescribeLogStreams"): partial(streams.describe_log_streams, log_store),
        ("logs", "FilterLogEvents"): partial(events.filter_log_events, log_store),
        ("logs", "GetLogEvents"): partial(events.get_log_events, log_store),
        ("logs", "PutLogEvents"): partial(put_log_events, log_store, clock),
    }
