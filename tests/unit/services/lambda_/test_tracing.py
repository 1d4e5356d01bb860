"""The trace header of an invocation: who decides what in it, and when a loop ends."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.function import Function
from lambdad.model.recursion import MOST_INVOCATIONS
from lambdad.services.lambda_.tracing import event_trace
from support.control_plane import ACCOUNT, REGION, Plane, refused

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"
INCOMING = f"Root={ROOT};Parent={PARENT}"


async def trace_of(plane: Plane, trace_header: str = "", name: str = "echo", **more: Any) -> str:
    """The header that an invocation had, which its caller was told too."""
    answer = await plane("Invoke", FunctionName=name, trace_header=trace_header, **more)
    trace: str = plane.invoker.invoked[-1][1].trace_id
    assert answer["ResponseMetadata"] == {"HTTPHeaders": {"X-Amzn-Trace-Id": trace}}
    return trace


async def invoke_in_turn(plane: Plane, names: list[str], limit: int, trace: str = "") -> int:
    """Invoke each with the header that the one before it had; tell how many ran."""
    for ran in range(limit):
        try:
            trace = await trace_of(plane, trace, names[ran % len(names)])
        except ClientError as error:
            if error.code != "RecursiveInvocationException":
                raise
            return ran
    return limit


@pytest.mark.parametrize("nothing", ["", "Sampled=1", "nonsense", f"Root={ROOT}\r\nx: y"])
async def test_a_request_without_a_header_begins_a_trace(plane: Plane, nothing: str) -> None:
    await plane.create()
    first, second = await trace_of(plane, nothing), await trace_of(plane, nothing)
    form = r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0"
    assert re.fullmatch(form, first)
    assert first != second


async def test_a_request_with_a_header_goes_on(plane: Plane) -> None:
    await plane.create()
    trace = await trace_of(plane, f"{INCOMING};Self=1-x;Lineage=a87bd80c:1")
    form = rf"Root={ROOT};Parent=([0-9a-f]{{16}});Sampled=0;Lineage=[0-9a-f]{{8}}:1\|a87bd80c:1"
    found = re.fullmatch(form, trace)
    assert found
    assert found[1] != PARENT


@pytest.mark.parametrize("mode", ["PassThrough", "Active"])
@pytest.mark.parametrize("decision", ["0", "1"])
async def test_what_was_decided_before_holds(plane: Plane, mode: str, decision: str) -> None:
    await plane.create(TracingConfig={"Mode": mode})
    for _ in range(3):
        trace = await trace_of(plane, f"{INCOMING};Sampled={decision}")
        assert f";Sampled={decision};" in trace


@pytest.mark.parametrize("incoming", ["", INCOMING, f"{INCOMING};Sampled=?"])
async def test_active_tracing_decides_what_nobody_has(plane: Plane, incoming: str) -> None:
    # Given
    await plane.create("active", TracingConfig={"Mode": "Active"})
    await plane.create("passive")
    # Then one of a second is taken, and of the others who draws low; the version is drawn, too
    plane.draws[:] = [0.5, 0.9, 0.5, 0.9, 0.5, 0.04]
    traces = [await trace_of(plane, incoming, "active", Qualifier="$LATEST") for _ in range(3)]
    assert ["Sampled=1" in trace for trace in traces] == [True, False, True]
    assert "Sampled=0" in await trace_of(plane, incoming, "passive")


async def test_a_dry_run_has_no_trace(plane: Plane) -> None:
    await plane.create()
    answer = await plane("Invoke", FunctionName="echo", InvocationType="DryRun")
    assert answer == {"StatusCode": 204}


async def test_a_response_stream_tells_its_trace_too(plane: Plane) -> None:
    await plane.create()
    answer = await plane(
        "InvokeWithResponseStream", FunctionName="echo", trace_header=f"Root={ROOT}"
    )
    assert answer["ResponseMetadata"]["HTTPHeaders"]["X-Amzn-Trace-Id"].startswith(f"Root={ROOT};")


async def test_a_loop_ends_whichever_version_it_goes_through(plane: Plane) -> None:
    await plane.create(Publish=True)
    assert await invoke_in_turn(plane, ["echo"], 50) == MOST_INVOCATIONS + 1
    assert await invoke_in_turn(plane, ["echo", "echo:1"], 50) == MOST_INVOCATIONS + 1


async def test_a_loop_of_two_ends(plane: Plane) -> None:
    await plane.create()
    await plane.create("other")
    ran = await invoke_in_turn(plane, ["echo", "other"], 50, INCOMING)
    assert ran == 2 * MOST_INVOCATIONS


async def test_a_loop_that_is_allowed_goes_on_until_it_is_not(plane: Plane) -> None:
    # Given
    await plane.create()
    await plane("PutFunctionRecursionConfig", FunctionName="echo", RecursiveLoop="Allow")
    trace = INCOMING
    for _ in range(2 * MOST_INVOCATIONS):
        trace = await trace_of(plane, trace)
    # When
    await plane("PutFunctionRecursionConfig", FunctionName="echo", RecursiveLoop="Terminate")
    # Then
    call = plane("Invoke", FunctionName="echo", trace_header=trace)
    error = await refused(call, "RecursiveInvocationException")
    assert "recursive loop" in error.message
    assert await trace_of(plane, INCOMING)


async def test_an_event_is_counted_when_it_is_accepted(plane: Plane) -> None:
    await plane.create()
    function = plane.control.resources.find(Function, ACCOUNT, REGION, "echo")
    assert function
    caller = Caller(ACCOUNT, REGION)
    for incoming, form in (
        ("", r"Root=1-[0-9a-f-]{33};Sampled=0"),
        (
            f"{INCOMING};Sampled=1",
            rf"{INCOMING};Sampled=1;Lineage=\w{{8}}:1",
        ),
        (
            f"{INCOMING};Lineage=a87bd80c:16",
            rf"Root={ROOT};.*;Sampled=0;Lineage=\w{{8}}:1\|a87bd80c:16",
        ),
    ):
        context = RequestContext("r", "lambda", "Invoke", caller, "http://x", incoming)
        assert re.fullmatch(form, event_trace(plane.control, context, function.latest))
