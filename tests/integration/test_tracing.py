"""As a developer I follow a request by its trace header, and no loop of functions runs forever."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.functions import DeployedFunction

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow

ROOT = "1-5759e988-bd862e3fe1be46a994272793"

# Invokes the functions that the event names, one inside the other; tells everybody's trace header.
CHAIN = """
import json, os, boto3

def handler(event, context):
    traces = [os.environ["_X_AMZN_TRACE_ID"]]
    if event:
        answer = boto3.client("lambda").invoke(FunctionName=event[0], Payload=json.dumps(event[1:]))
        traces += json.load(answer["Payload"])
    return traces
"""

# Invokes itself, so many times at most; tells how many invocations ran, and what ended them.
LOOP = """
import json, boto3

def handler(left, context):
    if left == 1:
        return {"ran": 1, "end": "itself"}
    client = boto3.client("lambda")
    try:
        name = context.function_name
        answer = client.invoke(FunctionName=name, Payload=json.dumps(left - 1))
    except client.exceptions.RecursiveInvocationException as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return {"ran": 1, "end": "stopped", "status": status, **error.response["Error"]}
    inner = json.load(answer["Payload"])
    return {**inner, "ran": inner["ran"] + 1}
"""


@contextmanager
def sending(client: Any, trace_header: str) -> Iterator[None]:
    """In here every request of this client carries the header."""

    def add(params: dict[str, Any], **_: Any) -> None:
        params["headers"]["X-Amzn-Trace-Id"] = trace_header

    client.meta.events.register("before-call", add)
    try:
        yield
    finally:
        client.meta.events.unregister("before-call", add)


def told(answer: dict[str, Any]) -> str:
    """The trace header of an answer."""
    return str(answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"])


def test_a_chain_of_functions_keeps_the_root(make_function: MakeFunction) -> None:
    # Given
    first, second = make_function(source=CHAIN), make_function(source=CHAIN)
    third = make_function(source=CHAIN)
    # When
    answer = first.invoke([second.name, third.name])
    # Then
    traces = answer.value
    assert told(answer.response) == traces[0]
    parts = [re.split("[=;]", trace)[1::2] for trace in traces]
    assert len({root for root, *_ in parts}) == 1
    assert len({parent for _, parent, *_ in parts}) == 3


def test_the_callers_header_reaches_the_function_and_comes_back(
    make_function: MakeFunction,
) -> None:
    # Given
    function = make_function(source=CHAIN)
    client, request = function.client, {"FunctionName": function.name, "Payload": b"[]"}
    # When
    with sending(client, f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"):
        answer = client.invoke(**request)
        stream = client.invoke_with_response_stream(**request)
    # Then
    (trace,) = json.load(answer["Payload"])
    assert told(answer) == trace
    assert re.fullmatch(
        rf"Root={ROOT};Parent=[0-9a-f]{{16}};Sampled=1;Lineage=[0-9a-f]{{8}}:1", trace
    )
    assert "53995c3f42cd8ad8" not in trace
    assert told(stream).startswith(f"Root={ROOT};Parent=")
    list(stream["EventStream"])


@pytest.mark.parametrize(
    "hostile", ["Root=" + "1" * 20_000, f"Root={ROOT}%0d%0ax: y", ";=;|" * 100, "\xff"]
)
def test_a_hostile_header_counts_as_none(make_function: MakeFunction, hostile: str) -> None:
    function = make_function(source=CHAIN)
    with sending(function.client, hostile):
        (trace,) = function.call([])
    assert re.fullmatch(r"Root=1-[0-9a-f-]{33};Parent=[0-9a-f]{16};Sampled=0", trace)
    assert ROOT not in trace


def test_a_function_that_invokes_itself_is_stopped_unless_it_may(
    make_function: MakeFunction,
) -> None:
    # Given
    function = make_function(source=LOOP, Timeout=60)
    # When
    stopped = function.call(25)
    # Then
    assert (stopped["end"], stopped["status"]) == ("stopped", 400)
    assert stopped["Code"] == "RecursiveInvocationException"
    assert "recursive loop" in stopped["Message"]
    assert 16 <= stopped["ran"] <= 17
    # When
    function.client.put_function_recursion_config(FunctionName=function.name, RecursiveLoop="Allow")
    # Then
    assert function.call(20) == {"ran": 20, "end": "itself"}
