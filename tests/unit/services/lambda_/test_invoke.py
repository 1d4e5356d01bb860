"""Invoke: checks in AWS's order, and the result as AWS answers it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.errors import ClientError, PlatformError
from lambdad.model.invocation import FunctionError, Invocation

Plane = Any
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"


async def refused(plane: Plane, **request: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        await plane("Invoke", **{"FunctionName": "echo", **request})
    assert plane.invoker.invoked == []
    return caught.value


async def test_the_answer_is_the_functions(plane: Plane) -> None:
    await plane.create()

    answer = await plane("Invoke", FunctionName="echo", Payload=b'{"a": 1}')

    ((version, invocation),) = plane.invoker.invoked
    assert answer == {
        "StatusCode": 200,
        "ExecutedVersion": "$LATEST",
        "Payload": b'{"a": 1}',
        "ResponseMetadata": {"HTTPHeaders": {"X-Amzn-Trace-Id": invocation.trace_id}},
    }
    assert version.name == "echo"
    now = plane.control.clock.now()
    expected = Invocation("r-1", b'{"a": 1}', ARN, invocation.trace_id, accepted_at=now)
    assert invocation == expected


async def test_a_function_error_is_an_answer_too(plane: Plane) -> None:
    await plane.create()
    plane.invoker.error = FunctionError("Sandbox.Timedout", "timeout")

    answer = await plane("Invoke", FunctionName="echo")

    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")


async def test_an_empty_payload_is_an_empty_object(plane: Plane) -> None:
    await plane.create()
    await plane("Invoke", FunctionName="echo", Payload=b"")
    assert plane.invoker.invoked[0][1].payload == b"{}"


async def test_the_tail_is_the_last_four_kilobytes(plane: Plane) -> None:
    await plane.create()
    plane.invoker.log_tail = b"a" * 100 + b"z" * 4096

    answer = await plane("Invoke", FunctionName="echo", LogType="Tail")

    assert base64.b64decode(answer["LogResult"]) == b"z" * 4096


async def test_a_qualified_invocation_says_so_to_the_function(plane: Plane) -> None:
    await plane.create()
    await plane("Invoke", FunctionName=f"{ARN}:$LATEST")
    assert plane.invoker.invoked[0][1].invoked_arn == f"{ARN}:$LATEST"


async def test_a_dry_run_runs_nothing(plane: Plane) -> None:
    await plane.create()
    assert await plane("Invoke", FunctionName="echo", InvocationType="DryRun") == {
        "StatusCode": 204
    }
    assert plane.invoker.invoked == []


async def test_the_client_context_is_decoded(plane: Plane) -> None:
    await plane.create()
    encoded = base64.b64encode(b'{"client": {}}').decode()
    await plane("Invoke", FunctionName="echo", ClientContext=encoded)
    assert plane.invoker.invoked[0][1].client_context == '{"client": {}}'


@pytest.mark.parametrize("context", ["%", "e30", "bnVsbA==", "/w==", "A" * 3584])
async def test_a_bad_client_context_is_refused(plane: Plane, context: str) -> None:
    await plane.create()
    error = await refused(plane, ClientContext=context)
    assert error.code == "InvalidRequestContentException"


async def test_a_pending_function_cannot_be_invoked(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    plane.preparation.gate.clear()
    await plane("CreateFunction", **new_creation("echo"))
    error = await refused(plane, Payload=b"no JSON")
    assert (error.code, error.message) == (
        "ResourceConflictException",
        "The operation cannot be performed at this time. "
        "The function is currently in the following state: Pending",
    )


async def test_a_failed_function_cannot_be_invoked(plane: Plane) -> None:
    plane.preparation.failure = PlatformError("The disk is full.")
    await plane.create()
    error = await refused(plane)
    assert error.code == "ResourceConflictException"
    assert error.message.endswith("state: Failed")


async def test_a_missing_version_is_not_found_before_anything_else(plane: Plane) -> None:
    await plane.create()
    error = await refused(plane, Qualifier="7", Payload=b"no JSON", InvocationType="Event")
    assert (error.code, error.message) == (
        "ResourceNotFoundException",
        f"Function not found: {ARN}:7",
    )


async def test_a_payload_over_the_limit_is_refused_before_it_is_read(plane: Plane) -> None:
    await plane.create()
    error = await refused(plane, Payload=b"x" * 6_294_149)
    assert (error.code, error.message) == (
        "RequestTooLargeException",
        "6294149 byte payload is too large for the RequestResponse invocation type "
        "(limit 6291456 bytes)",
    )


@pytest.mark.parametrize(
    ("payload", "explanation"),
    [
        (
            b"value",
            "Unrecognized token 'value': was expecting ('true', 'false' or 'null')\n"
            ' at [Source: (byte[])"value"; line: 1, column: 1]',
        ),
        (
            b'{"a":\n}',
            'Expecting value\n at [Source: (byte[])"{"a":\n}"; line: 2, column: 1]',
        ),
        (b"NaN", "Non-standard token 'NaN'"),
        (b"[-Infinity]", "Non-standard token '-Infinity'"),
        (b"\xff", "Invalid UTF-8 at byte 0"),
        (b"[" * 100_000, "It is nested too deeply"),
    ],
)
async def test_what_is_no_json_is_refused(plane: Plane, payload: bytes, explanation: str) -> None:
    await plane.create()
    error = await refused(plane, Payload=payload)
    assert error.code == "InvalidRequestContentException"
    assert error.message == f"Could not parse request body into json: {explanation}"


@pytest.mark.parametrize("payload", [b"null", b" 1 ", b'"\xc3\xa9"', b"[1e999]", b"7" * 5000])
async def test_every_json_value_is_a_payload(plane: Plane, payload: bytes) -> None:
    await plane.create()
    assert (await plane("Invoke", FunctionName="echo", Payload=payload))["Payload"] == payload


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"DurableExecutionName": "d"},
            "lambdad does not support the parameter DurableExecutionName yet.",
        ),
    ],
)
async def test_what_lambdad_cannot_do_yet_is_named(
    plane: Plane, request_: dict[str, Any], message: str
) -> None:
    await plane.create()
    error = await refused(plane, **request_)
    assert (error.code, error.message) == ("InvalidParameterValueException", message)


async def test_a_tenant_is_named_exactly_where_each_has_environments_of_its_own(
    plane: Plane,
) -> None:
    await plane.create("shared")
    await plane.create("apart", TenancyConfig={"TenantIsolationMode": "PER_TENANT"})

    await plane("Invoke", FunctionName="apart", TenantId="blue")
    assert plane.invoker.invoked.pop()[1].tenant_id == "blue"

    for request, message in (
        (
            {"FunctionName": "apart"},
            "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in "
            "your request and try again.",
        ),
        (
            {"FunctionName": "shared", "TenantId": "blue"},
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID "
            "from your request and try again.",
        ),
    ):
        error = await refused(plane, **request)
        assert (error.code, error.message) == ("InvalidParameterValueException", message)


async def test_an_image_does_not_run_and_says_so(plane: Plane) -> None:
    image = {"ImageUri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/app:1"}
    await plane.create(PackageType="Image", Code=image, Runtime=None, Handler=None)

    error = await refused(plane)
    assert error.code == "InvalidParameterValueException"
    assert "does not run container images yet" in error.message
