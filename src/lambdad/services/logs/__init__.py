"""Amazon CloudWatch Logs: groups, streams and lines, and Insights queries over them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from lambdad.clock import Clock
from lambdad.model.caller import RequestContext
from lambdad.observe.insights.queries import Queries
from lambdad.observe.log_store import LogStore
from lambdad.services.logs import events, groups, queries, query_definitions, streams
from lambdad.services.logs.put_events import put_log_events
from lambdad.services.logs.records import get_log_record
from lambdad.store.resources import Resources

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[Mapping[str, Any]]]


def operations(
    log_store: LogStore, insights: Queries, resources: Resources, clock: Clock
) -> dict[tuple[str, str], Operation]:
    """Every operation that lambdad performs."""
    return {
        ("logs", "CreateLogGroup"): partial(groups.create_log_group, log_store),
        ("logs", "CreateLogStream"): partial(streams.create_log_stream, log_store),
        ("logs", "DeleteLogGroup"): partial(groups.delete_log_group, log_store),
        ("logs", "DeleteLogStream"): partial(streams.delete_log_stream, log_store),
        ("logs", "DeleteQueryDefinition"): partial(
            query_definitions.delete_query_definition, resources
        ),
        ("logs", "DescribeLogGroups"): partial(groups.describe_log_groups, log_store),
        ("logs", "DescribeLogStreams"): partial(streams.describe_log_streams, log_store),
        ("logs", "DescribeQueries"): partial(queries.describe_queries, insights),
        ("logs", "DescribeQueryDefinitions"): partial(
            query_definitions.describe_query_definitions, resources
        ),
        ("logs", "FilterLogEvents"): partial(events.filter_log_events, log_store),
        ("logs", "GetLogEvents"): partial(events.get_log_events, log_store),
        ("logs", "GetLogRecord"): partial(get_log_record, log_store),
        ("logs", "GetQueryResults"): partial(queries.get_query_results, insights),
        ("logs", "PutLogEvents"): partial(put_log_events, log_store, clock),
        ("logs", "PutQueryDefinition"): partial(
            query_definitions.put_query_definition, resources, clock
        ),
        ("logs", "StartQuery"): partial(queries.start_query, log_store, insights, clock),
        ("logs", "StopQuery"): partial(queries.stop_query, insights),
    }
