"""Amazon CloudWatch Logs: groups, streams and lines, and Insights queries over them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.model.caller import RequestContext
from lambdad.observe.insights.queries import Queries
from lambdad.services.logs import (
    events,
    export_tasks,
    fields,
    groups,
    live_tail,
    metric_filters,
    queries,
    query_definitions,
    retention,
    streams,
    subscription_filters,
    tags,
)
from lambdad.services.logs.exporter import Exporter
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.put_events import put_log_events
from lambdad.services.logs.records import get_log_record
from lambdad.services.logs.retention import expire_forever
from lambdad.services.logs.subscription_feed import SubscriptionFeed

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]


# Files whose operations work with all that there is of the service.
_RESOURCES = (fields, groups, live_tail, metric_filters, retention, subscription_filters, tags)


def operations(
    logs: Logs, insights: Queries, exporter: Exporter
) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    log_store, resources, clock = logs.store, logs.resources, logs.clock
    return {
        **{
            ("logs", operation): partial(run, logs)
            for resource in _RESOURCES
            for operation, run in resource.OPERATIONS.items()
        },
        **{
            ("logs", operation): partial(run, exporter)
            for operation, run in export_tasks.OPERATIONS.items()
        },
        ("logs", "CreateLogStream"): partial(streams.create_log_stream, log_store),
        ("logs", "DeleteLogStream"): partial(streams.delete_log_stream, log_store),
        ("logs", "DeleteQueryDefinition"): partial(
            query_definitions.delete_query_definition, resources
        ),
        ("logs", "DescribeLogStreams"): partial(streams.describe_log_streams, log_store),
        ("logs", "DescribeQueries"): partial(queries.describe_queries, insights),
        ("logs", "DescribeQueryDefinitions"): partial(
            query_definitions.describe_query_definitions, resources
        ),
        ("logs", "FilterLogEvents"): partial(events.filter_log_events, log_store),
        ("logs", "GetLogEvents"): partial(events.get_log_events, log_store),
        ("logs", "GetLogRecord"): partial(get_log_record, log_store),
        ("logs", "GetQueryResults"): partial(queries.get_query_results, insights),
        ("logs", "PutLogEvents"): partial(put_log_events, logs),
        ("logs", "PutQueryDefinition"): partial(
            query_definitions.put_query_definition, resources, clock
        ),
        ("logs", "StartQuery"): partial(queries.start_query, log_store, insights, clock),
        ("logs", "StopQuery"): partial(queries.stop_query, insights),
    }


__all__ = [
    "Exporter",
    "Logs",
    "Operation",
    "SubscriptionFeed",
    "expire_forever",
    "operations",
]
