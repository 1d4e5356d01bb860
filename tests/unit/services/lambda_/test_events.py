"""Asynchronous invocations: what is accepted, what is refused, and what they invoke."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.errors import PlatformError
from lambdad.model.event import Event, EventTarget
from lambdad.services.lambda_ import find_target
from support.control_plane import ACCOUNT, REGION, refused

Plane = Any
KEY = (ACCOUNT, REGION, "echo")
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo"


async def send(plane: Plane, **request: Any) -> dict[str, Any]:
    request = {"FunctionName": "echo", "InvocationType": "Event", **request}
    answer: dict[str, Any] = await plane("Invoke", **request)
    return answer


def target(plane: Plane, qualifier: str | None = None, name: str = "echo") -> EventTarget | None:
    event = Event(1, "r-1", ACCOUNT, REGION, name, qualifier, b"{}", 0.0)
    return find_target(plane.control, event)


async def test_an_event_is_accepted_and_not_run_by_its_request(plane: Plane) -> None:
    await plane.create()

    answer = await send(plane, Payload=b'{"a": 1}')

    trace = answer.pop("ResponseMetadata")["HTTPHeaders"]["X-Amzn-Trace-Id"]
    assert answer == {"StatusCode": 202}
    assert plane.invoker.invoked == []
    members = {"request_id": "r-1", "trace_header": trace, "tenant_id": None}
    assert plane.events.accepted == [(KEY, None, b'{"a": 1}', members)]


async def test_an_event_goes_to_the_qualifier_that_was_asked_for(plane: Plane) -> None:
    await plane.create(Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")

    await send(plane, Qualifier="live")

    assert plane.events.accepted[0][1] == "live"


async def test_the_old_operation_accepts_events_too(plane: Plane) -> None:
    await plane.create()

    answer = await plane("InvokeAsync", FunctionName="echo", InvokeArgs=b"[1]")

    assert answer == {"Status": 202}
    assert plane.events.accepted[0][2] == b"[1]"


@pytest.mark.parametrize(
    ("operation", "member", "limit"),
    [("Invoke", "Payload", 1_048_576), ("InvokeAsync", "InvokeArgs", 262_144)],
)
async def test_an_event_has_a_limit_of_its_own(
    plane: Plane, operation: str, member: str, limit: int
) -> None:
    await plane.create()
    asked = {"FunctionName": "echo"} | (
        {"InvocationType": "Event"} if operation == "Invoke" else {}
    )

    await plane(operation, **asked, **{member: b"7" * limit})
    await refused(
        plane(operation, **asked, **{member: b"7" * (limit + 1)}),
        "RequestTooLargeException",
        f"{limit + 1} byte payload is too large for the Event invocation type "
        f"(limit {limit} bytes)",
    )

    assert len(plane.events.accepted) == 1


async def test_what_cannot_be_invoked_is_not_accepted(plane: Plane) -> None:
    await refused(send(plane), "ResourceNotFoundException")
    await plane.create()
    await refused(send(plane, Payload=b"{"), "InvalidRequestContentException")
    await refused(send(plane, Qualifier="none"), "ResourceNotFoundException")
    await refused(send(plane, TenantId="blue"), "InvalidParameterValueException")

    assert plane.events.accepted == []


async def test_an_event_that_is_not_on_disk_is_not_accepted(plane: Plane) -> None:
    await plane.create()
    plane.events.failure = PlatformError("database or disk is full")

    with pytest.raises(PlatformError):
        await send(plane)


async def test_a_target_has_awss_defaults(plane: Plane) -> None:
    await plane.create()

    found = target(plane)

    assert found is not None
    assert found.version.version == "$LATEST"
    assert found.invoked_arn == ARN
    assert (found.maximum_retry_attempts, found.maximum_event_age) == (2, 21_600)
    assert (found.on_success, found.on_failure, found.dead_letter) == ("", "", "")
    assert not found.has_no_concurrency
    assert not found.may_recurse


async def test_a_target_has_the_config_of_what_was_invoked(plane: Plane) -> None:
    queue, topic = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q", f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
    await plane.create(Publish=True, DeadLetterConfig={"TargetArn": queue})
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    await plane(
        "PutFunctionEventInvokeConfig",
        FunctionName="echo",
        Qualifier="live",
        MaximumRetryAttempts=0,
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": topic}},
    )

    alias, version = target(plane, "live"), target(plane, "1")

    assert alias is not None
    assert version is not None
    assert alias.invoked_arn == f"{ARN}:live"
    assert alias.version.version == "1"
    assert (alias.maximum_retry_attempts, alias.maximum_event_age) == (0, 60)
    assert (alias.on_success, alias.on_failure, alias.dead_letter) == ("", topic, queue)
    assert (version.maximum_retry_attempts, version.on_failure) == (2, "")


async def test_a_target_knows_what_stops_it(plane: Plane) -> None:
    await plane.create()
    await plane("PutFunctionConcurrency", FunctionName="echo", ReservedConcurrentExecutions=0)
    await plane("PutFunctionRecursionConfig", FunctionName="echo", RecursiveLoop="Allow")

    found = target(plane)

    assert found is not None
    assert found.has_no_concurrency
    assert found.may_recurse


async def test_what_is_gone_is_no_target(plane: Plane) -> None:
    await plane.create()

    assert target(plane, name="other") is None
    assert target(plane, "live") is None
    await plane("DeleteFunction", FunctionName="echo")
    assert target(plane) is None
