"""Saved Insights queries: put, list, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from lambdad.clock import FakeClock

Call = Callable[..., Awaitable[Any]]
PUT = "PutQueryDefinition"


async def names(call: Call, **request: Any) -> list[str]:
    answer = await call("DescribeQueryDefinitions", **request)
    return [each["name"] for each in answer["queryDefinitions"]]


async def test_a_definition_is_kept_as_it_was_given(call: Call, clock: FakeClock) -> None:
    parameters = [{"name": "level", "defaultValue": "ERROR"}]
    created = await call(
        PUT, name="n", queryString="fields a", logGroupNames=["g"], parameters=parameters
    )
    (found,) = (await call("DescribeQueryDefinitions"))["queryDefinitions"]
    assert found == {
        "queryLanguage": "CWLI",
        "queryDefinitionId": created["queryDefinitionId"],
        "name": "n",
        "queryString": "fields a",
        "lastModified": int(clock.now() * 1000),
        "logGroupNames": ["g"],
        "parameters": parameters,
    }


async def test_a_definition_is_replaced_as_a_whole(call: Call) -> None:
    query_id = (await call(PUT, name="n", queryString="a", logGroupNames=["g"]))[
        "queryDefinitionId"
    ]
    await call(PUT, name="m", queryString="b", queryDefinitionId=query_id)
    (found,) = (await call("DescribeQueryDefinitions"))["queryDefinitions"]
    assert (found["name"], found["queryString"], found["logGroupNames"]) == ("m", "b", [])


async def test_a_request_that_is_sent_twice_saves_one(call: Call) -> None:
    for _ in range(2):
        await call(PUT, name="n", queryString="a", clientToken="t" * 36)
    assert await names(call) == ["n"]


async def test_definitions_are_listed_by_name_in_pages(call: Call) -> None:
    for name in ("b/2", "a", "b/1"):
        await call(PUT, name=name, queryString="x")
    assert await names(call) == ["a", "b/1", "b/2"]
    assert await names(call, queryDefinitionNamePrefix="b/") == ["b/1", "b/2"]
    page = await call("DescribeQueryDefinitions", maxResults=2)
    assert await names(call, nextToken=page["nextToken"]) == ["b/2"]


async def test_a_deleted_definition_is_gone(call: Call, refuses: Call) -> None:
    query_id = (await call(PUT, name="n", queryString="a"))["queryDefinitionId"]
    assert await call("DeleteQueryDefinition", queryDefinitionId=query_id) == {"success": True}
    assert await names(call) == []
    code, _ = await refuses("DeleteQueryDefinition", queryDefinitionId=query_id)
    assert code == "ResourceNotFoundException"
    code, _ = await refuses(PUT, name="n", queryString="a", queryDefinitionId=query_id)
    assert code == "ResourceNotFoundException"


async def test_another_language_is_refused(refuses: Call) -> None:
    code, message = await refuses(PUT, name="n", queryString="a", queryLanguage="PPL")
    assert (code, "PPL" in message) == ("InvalidParameterException", True)
