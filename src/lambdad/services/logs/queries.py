"""Insights queries: start, look at, stop, list."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from lambdad.clock import Clock
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.insights.malformed import MalformedQuery
from lambdad.observe.insights.plan import Plan
from lambdad.observe.insights.queries import EngineMissing, Queries, TooManyQueries
from lambdad.observe.insights.query import Query
from lambdad.observe.log_store import LogStore
from lambdad.services.logs.names import group_of_identifier, invalid_parameter
from lambdad.services.logs.paging import page

LANGUAGE = "CWLI"
MAX_GROUPS = 50
PAGE = 10_000

_LAST_MS = 1 << 53  # no line is as late, and files cannot write what is much later


async def start_query(
    log_store: LogStore,
    queries: Queries,
    clock: Clock,
    context: RequestContext,
    request: dict[str, Any],
) -> dict[str, Any]:
    """Begin a query of some groups; its results are kept for seven days."""
    refuse_language(request)
    groups = _groups(log_store, context, request)
    start, end = request["startTime"], request["endTime"]
    if end < start:
        raise invalid_parameter("The endTime of a query must not be before its startTime.")
    now = clock.now()
    plan = await asyncio.to_thread(_plan, request, now)
    query = Query(
        id=str(uuid.uuid4()),
        account_id=context.caller.account_id,
        region=context.caller.region,
        text=request["queryString"],
        log_groups=groups,
        start_ms=min(start * 1000, _LAST_MS),
        end_ms=min((end + 1) * 1000, _LAST_MS),  # the second that is named is part of it
        created_ms=int(now * 1000),
        fields=tuple(output.name for output in plan.outputs),
    )
    try:
        await queries.start(query, plan)
    except EngineMissing as error:
        raise invalid_parameter(
            "Logs Insights queries run on DuckDB, which is not installed where this server runs. "
            "Install it with: pip install 'lambdad[insights]'"
        ) from error
    except TooManyQueries as error:
        raise ClientError(
            "LimitExceededException", "The number of concurrent queries has been reached."
        ) from error
    return {"queryId": query.id}


async def get_query_results(
    queries: Queries, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """How far a query is, and a page of its results when it is complete."""
    query = await _find(queries, context, request)
    start = _page_start(query, request.get("nextToken"))
    count = request.get("maxItems") or PAGE
    rows = await queries.rows(query, start, count)
    result: dict[str, Any] = {
        "queryLanguage": LANGUAGE,
        "results": [
            [
                {"field": field, "value": value}
                for field, value in zip(query.fields, row, strict=True)
                if value is not None
            ]
            for row in rows
        ],
        "statistics": {
            "recordsMatched": float(query.matched),
            "recordsScanned": float(query.scanned),
            "bytesScanned": float(query.bytes),
            "logGroupsScanned": float(len(query.log_groups)),
            "resultCount": float(query.rows),
        },
        "status": query.status.value,
    }
    behind = start + len(rows)
    return {**result, "nextToken": f"{query.id}/{behind}"} if behind < query.rows else result


async def stop_query(
    queries: Queries, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """End a query before it is complete."""
    query = await _find(queries, context, request)
    if not await queries.stop(query):
        raise invalid_parameter(
            f"Query is not in running state. Current state: {query.status.value}"
        )
    return {"success": True}


async def describe_queries(
    queries: Queries, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """List the queries of the last seven days, the newest first."""
    if request.get("queryLanguage", LANGUAGE) != LANGUAGE:
        return {"queries": []}
    caller = context.caller
    group, status = request.get("logGroupName"), request.get("status")
    chosen = [
        query
        for query in await queries.all(caller.account_id, caller.region)
        if group in (None, *query.log_groups) and status in (None, query.status.value)
    ]
    shown, token = page(
        chosen,
        lambda query: (query.created_ms, query.id),
        {"limit": request.get("maxResults"), "nextToken": request.get("nextToken")},
        descending=True,
    )
    result: dict[str, Any] = {"queries": [_description(query) for query in shown]}
    return result if token is None else {**result, "nextToken": token}


def refuse_language(request: dict[str, Any]) -> None:
    """Refuse what is not written in Logs Insights' own language."""
    language = request.get("queryLanguage", LANGUAGE)
    if language != LANGUAGE:
        raise invalid_parameter(
            f"lambdad does not support the query language {language}; use {LANGUAGE}."
        )


def _plan(request: dict[str, Any], now: float) -> Plan:
    # Only here: it would cost every start some 20 ms.
    from lambdad.observe.insights.compiler import compile_query

    try:
        return compile_query(request["queryString"], now=now, limit=request.get("limit"))
    except MalformedQuery as error:
        start, end = error.span
        raise ClientError(
            "MalformedQueryException",
            f"{error.message} at character {start}",
            members={
                "queryCompileError": {
                    "message": error.message,
                    "location": {"startCharOffset": start, "endCharOffset": end},
                }
            },
        ) from error


def _groups(
    log_store: LogStore, context: RequestContext, request: dict[str, Any]
) -> tuple[str, ...]:
    """The names of the groups that are asked, each of which exists."""
    caller = context.caller
    name, names = request.get("logGroupName"), request.get("logGroupNames")
    identifiers = request.get("logGroupIdentifiers")
    if sum(each is not None for each in (name, names, identifiers)) != 1:
        raise invalid_parameter(
            "Exactly one of the parameters logGroupName, logGroupNames and logGroupIdentifiers "
            "must be specified."
        )
    asked = (
        [name]
        if name
        else names or [group_of_identifier(caller, identifier) for identifier in identifiers or ()]
    )
    if not 1 <= len(asked) <= MAX_GROUPS:
        raise invalid_parameter(f"A query is of 1 to {MAX_GROUPS} log groups.")
    for group in asked:
        if log_store.find_group(caller.account_id, caller.region, group) is None:
            raise ClientError(
                "ResourceNotFoundException",
                f"Log group '{group}' does not exist for account ID '{caller.account_id}'",
            )
    return tuple(dict.fromkeys(asked))


async def _find(queries: Queries, context: RequestContext, request: dict[str, Any]) -> Query:
    caller = context.caller
    query = await queries.find(request["queryId"])
    if query is None or (query.account_id, query.region) != (caller.account_id, caller.region):
        raise ClientError(
            "ResourceNotFoundException", f"Query with id {request['queryId']} does not exist."
        )
    return query


def _page_start(query: Query, token: str | None) -> int:
    if token is None:
        return 0
    query_id, _, start = token.partition("/")
    if query_id != query.id or not start.isdecimal() or not start.isascii():
        raise invalid_parameter("The specified nextToken is invalid.")
    return int(start)


def _description(query: Query) -> dict[str, Any]:
    return {
        "queryLanguage": LANGUAGE,
        "queryId": query.id,
        "queryString": query.text,
        "status": query.status.value,
        "createTime": query.created_ms,
        "logGroupName": query.log_groups[0],
        "queryDuration": query.duration_ms,
        "bytesScanned": float(query.bytes),
    }
