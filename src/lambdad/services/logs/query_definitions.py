"""Query definitions: put, list, delete."""

from __future__ import annotations

import uuid
from typing import Any

from lambdad.clock import Clock
from lambdad.errors import ClientError
from lambdad.model.caller import RequestContext
from lambdad.model.query_definition import QueryDefinition
from lambdad.services.logs.paging import page
from lambdad.services.logs.queries import LANGUAGE, refuse_language
from lambdad.store.resources import Resources

MAX_DEFINITIONS = 1000  # of an account in a region


async def put_query_definition(
    resources: Resources, clock: Clock, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Save a query under a new id, or replace the one that the request names."""
    refuse_language(request)
    caller = context.caller
    query_id = request.get("queryDefinitionId")
    if query_id is not None:
        _require(resources, context, query_id)
    elif _count(resources, context) >= MAX_DEFINITIONS:
        raise ClientError("LimitExceededException", "Resource limit exceeded.")
    definition = QueryDefinition(
        account_id=caller.account_id,
        region=caller.region,
        id=query_id or _new_id(request.get("clientToken")),
        name=request["name"],
        text=request["queryString"],
        modified_ms=int(clock.now() * 1000),
        log_groups=tuple(request.get("logGroupNames") or ()),
        parameters=tuple(request.get("parameters") or ()),
    )
    await resources.save(definition)
    return {"queryDefinitionId": definition.id}


async def describe_query_definitions(
    resources: Resources, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """List saved queries by name."""
    if request.get("queryLanguage", LANGUAGE) != LANGUAGE:
        return {"queryDefinitions": []}
    caller = context.caller
    prefix = request.get("queryDefinitionNamePrefix", "")
    chosen = [
        definition
        for definition in resources.list(QueryDefinition, caller.account_id, caller.region)
        if definition.name.startswith(prefix)
    ]
    shown, token = page(
        chosen,
        lambda definition: (definition.name, definition.id),
        {"limit": request.get("maxResults"), "nextToken": request.get("nextToken")},
    )
    result: dict[str, Any] = {"queryDefinitions": [_description(each) for each in shown]}
    return result if token is None else {**result, "nextToken": token}


async def delete_query_definition(
    resources: Resources, context: RequestContext, request: dict[str, Any]
) -> dict[str, Any]:
    """Forget a saved query."""
    await resources.delete(_require(resources, context, request["queryDefinitionId"]))
    return {"success": True}


def _new_id(token: str | None) -> str:
    """The same for the same token, so that a request that is sent twice saves one query."""
    return str(uuid.uuid4() if token is None else uuid.uuid5(uuid.NAMESPACE_OID, token))


def _count(resources: Resources, context: RequestContext) -> int:
    caller = context.caller
    return sum(1 for _ in resources.list(QueryDefinition, caller.account_id, caller.region))


def _require(resources: Resources, context: RequestContext, query_id: str) -> QueryDefinition:
    caller = context.caller
    found = resources.find(QueryDefinition, caller.account_id, caller.region, query_id)
    if found is None:
        raise ClientError(
            "ResourceNotFoundException", "The specified query definition does not exist."
        )
    return found


def _description(definition: QueryDefinition) -> dict[str, Any]:
    description = {
        "queryLanguage": LANGUAGE,
        "queryDefinitionId": definition.id,
        "name": definition.name,
        "queryString": definition.text,
        "lastModified": definition.modified_ms,
        "logGroupNames": list(definition.log_groups),
    }
    if definition.parameters:
        description["parameters"] = list(definition.parameters)
    return description
