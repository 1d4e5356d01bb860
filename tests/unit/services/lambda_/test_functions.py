"""Functions: created, read, listed, changed, deleted, as AWS does it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import botocore.session
import pytest

from lambdad.errors import ClientError, PlatformError
from lambdad.model.function import Function
from lambdad.services.lambda_ import resume

Plane = Any
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"


async def refused(answer: Awaitable[Any], code: str, message: str) -> ClientError:
    """Await `answer`, which must be this error."""
    with pytest.raises(ClientError) as caught:
        await answer
    assert (caught.value.code, caught.value.message) == (code, message)
    return caught.value


async def test_create_answers_pending_with_awss_default_set(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    request = new_creation("echo")
    package = request["Code"]["ZipFile"]

    answer = await plane("CreateFunction", **request)

    assert re.fullmatch(r"[0-9a-f-]{36}", answer.pop("RevisionId"))
    assert len(base64.b64decode(answer.pop("ConfigSha256"))) == 32
    assert answer == {
        "FunctionName": "echo",
        "FunctionArn": ARN,
        "Runtime": "python3.11",
        "Role": request["Role"],
        "Handler": "app.handler",
        "CodeSize": len(package),
        "CodeSha256": base64.b64encode(hashlib.sha256(package).digest()).decode(),
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "LastModified": "2023-11-14T22:13:20.000+0000",
        "Version": "$LATEST",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "TracingConfig": {"Mode": "PassThrough"},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/echo"},
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
    }


async def test_everything_that_was_asked_for_comes_back(plane: Plane) -> None:
    asked = {
        "Description": "Says it again",
        "Timeout": 900,
        "MemorySize": 10_240,
        "EphemeralStorage": {"Size": 1024},
        "TracingConfig": {"Mode": "Active"},
        "Environment": {"Variables": {"STAGE": "test"}},
    }
    empty = {"SubnetIds": [], "SecurityGroupIds": []}
    await plane.create(
        **asked,
        Tags={"team": "one"},
        LoggingConfig={"LogGroup": "/mine"},
        VpcConfig=empty,
        Architectures=["x86_64"],
        Layers=[],
        DeadLetterConfig={"TargetArn": ""},
        KMSKeyArn="",
        PackageType="Zip",
        Publish=False,
        SnapStart={"ApplyOn": "None"},
    )

    answer = await plane("GetFunction", FunctionName="echo")

    configuration = answer["Configuration"]
    assert {member: configuration[member] for member in asked} == asked
    assert configuration["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/mine"}
    assert configuration["VpcConfig"].items() >= empty.items()
    assert answer["Tags"] == {"team": "one"}
    function = plane.control.resources.find(Function, "123456789012", "eu-central-1", "echo")
    assert function is not None
    assert function.latest.log_group == "/mine"


async def test_a_created_function_becomes_active(plane: Plane) -> None:
    created = await plane.create()

    configuration = await plane("GetFunctionConfiguration", FunctionName="echo")

    assert configuration["State"] == "Active"
    assert configuration["LastUpdateStatus"] == "Successful"
    assert "StateReason" not in configuration
    assert configuration["RevisionId"] == created["RevisionId"]
    assert configuration["RuntimeVersionConfig"] == {
        "RuntimeVersionArn": "arn:aws:lambda:eu-central-1::runtime:python3.11"
    }


async def test_a_runtime_that_stands_in_is_named(plane: Plane) -> None:
    await plane.create(Runtime="python3.12")

    configuration = await plane("GetFunctionConfiguration", FunctionName="echo")

    assert configuration["Runtime"] == "python3.12"
    assert "python3.11" in configuration["RuntimeVersionConfig"]["Error"]["Message"]


@pytest.mark.parametrize(
    ("failure", "reason", "code"),
    [
        (
            ClientError("InvalidRuntimeException", "No such runtime."),
            "No such runtime.",
            "InvalidRuntime",
        ),
        (ClientError("InvalidParameterValueException", "Bad."), "Bad.", "InvalidConfiguration"),
        (PlatformError("The disk is full."), "The disk is full.", "InternalError"),
        (ZeroDivisionError("secret"), "An internal error occurred.", "InternalError"),
    ],
)
async def test_a_function_that_cannot_be_prepared_is_failed_and_says_why(
    plane: Plane, failure: Exception, reason: str, code: str
) -> None:
    plane.preparation.failure = failure

    await plane.create()

    configuration = await plane("GetFunctionConfiguration", FunctionName="echo")
    state = [configuration[name] for name in ("State", "StateReason", "StateReasonCode")]
    assert state == ["Failed", reason, code]


async def test_a_failed_function_can_be_mended_by_an_update(plane: Plane) -> None:
    plane.preparation.failure = PlatformError("The disk is full.")
    await plane.create()

    plane.preparation.failure = None
    await plane("UpdateFunctionConfiguration", FunctionName="echo", Timeout=5)
    await plane.control.changes.settle()

    configuration = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert (configuration["State"], configuration["Timeout"]) == ("Active", 5)


async def test_of_two_creations_of_one_name_one_wins(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    answers = await asyncio.gather(
        *[plane("CreateFunction", **new_creation("echo")) for _ in range(5)],
        return_exceptions=True,
    )

    errors = [answer for answer in answers if isinstance(answer, ClientError)]
    assert len(errors) == 4
    assert {(error.code, error.message) for error in errors} == {
        ("ResourceConflictException", "Function already exist: echo")
    }


async def test_a_change_survives_a_restart(
    open_plane: Callable[[], Awaitable[Plane]], new_creation: Callable[..., dict[str, Any]]
) -> None:
    # Given a server that was killed while a function was being created and another updated
    first = await open_plane()
    await first.create("updated")
    first.preparation.gate.clear()
    await first("CreateFunction", **new_creation("created"))
    await first("UpdateFunctionConfiguration", FunctionName="updated", Timeout=9)
    await first.control.changes.stop()

    # When the next one resumes
    second = await open_plane()
    pending = await second("GetFunctionConfiguration", FunctionName="created")
    await resume(second.control)
    await second.control.changes.settle()

    # Then both changes take effect
    assert pending["State"] == "Pending"
    created = await second("GetFunctionConfiguration", FunctionName="created")
    updated = await second("GetFunctionConfiguration", FunctionName="updated")
    assert created["State"] == "Active"
    assert (updated["LastUpdateStatus"], updated["Timeout"]) == ("Successful", 9)


async def test_an_update_is_in_progress_until_it_is_prepared(
    plane: Plane, new_zip: Callable[[dict[str, str]], bytes]
) -> None:
    # Given an active function
    created = await plane.create()
    plane.preparation.gate.clear()

    # When its code is updated
    plane.clock.advance(1.5)
    package = new_zip({"app.py": "new"})
    answer = await plane("UpdateFunctionCode", FunctionName="echo", ZipFile=package)

    # Then the update is in progress, the old version serves, and a second update is refused
    assert answer["LastUpdateStatus"] == "InProgress"
    assert answer["LastUpdateStatusReasonCode"] == "Creating"
    assert answer["State"] == "Active"
    assert answer["LastModified"] == "2023-11-14T22:13:21.500+0000"
    assert answer["RevisionId"] != created["RevisionId"]
    await plane("Invoke", FunctionName="echo")
    assert plane.invoker.invoked[0][0].revision_id == created["RevisionId"]
    await refused(
        plane("UpdateFunctionConfiguration", FunctionName="echo", Timeout=5),
        "ResourceConflictException",
        "The operation cannot be performed at this time. "
        f"An update is in progress for resource: {ARN}",
    )

    # When it is prepared, then it serves, and the old environments are retired
    retired = len(plane.invoker.retired)
    plane.preparation.gate.set()
    await plane.control.changes.settle()
    configuration = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert configuration["LastUpdateStatus"] == "Successful"
    assert configuration["CodeSha256"] != created["CodeSha256"]
    await plane("Invoke", FunctionName="echo")
    assert plane.invoker.invoked[1][0].revision_id == answer["RevisionId"]
    assert len(plane.invoker.retired) == retired + 1


async def test_a_failed_update_leaves_the_old_version(plane: Plane) -> None:
    await plane.create()
    plane.preparation.failure = PlatformError("The disk is full.")

    await plane("UpdateFunctionConfiguration", FunctionName="echo", Timeout=5)
    await plane.control.changes.settle()

    configuration = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert (configuration["State"], configuration["Timeout"]) == ("Active", 3)
    assert configuration["LastUpdateStatus"] == "Failed"
    assert configuration["LastUpdateStatusReason"] == "The disk is full."


async def test_an_update_changes_only_what_it_names(plane: Plane) -> None:
    variables = {"Environment": {"Variables": {"A1": "1", "B1": "2"}}}
    await plane.create(**variables, Description="before", MemorySize=256)
    before = await plane("GetFunctionConfiguration", FunctionName="echo")

    await plane(
        "UpdateFunctionConfiguration",
        FunctionName="echo",
        Timeout=7,
        Environment={"Variables": {"C1": "3"}},
        LoggingConfig={"LogGroup": "/mine"},
    )
    await plane.control.changes.settle()

    after = await plane("GetFunctionConfiguration", FunctionName="echo")
    changed = {member for member in before if before[member] != after[member]}
    assert changed == {
        *("Timeout", "Environment", "LoggingConfig"),
        *("RevisionId", "ConfigSha256"),
    }
    assert after["Environment"] == {"Variables": {"C1": "3"}}


async def test_updating_a_pending_function_is_refused(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    plane.preparation.gate.clear()
    await plane("CreateFunction", **new_creation("echo"))

    for operation in ("UpdateFunctionConfiguration", "UpdateFunctionCode"):
        await refused(
            plane(operation, FunctionName="echo"),
            "ResourceConflictException",
            "The operation cannot be performed at this time. "
            "The function is currently in the following state: Pending",
        )


async def test_a_stale_revision_id_is_refused(plane: Plane) -> None:
    created = await plane.create()
    update = {"FunctionName": "echo", "Timeout": 5, "RevisionId": created["RevisionId"]}

    await plane("UpdateFunctionConfiguration", **update)
    await plane.control.changes.settle()

    await refused(
        plane("UpdateFunctionConfiguration", **update),
        "PreconditionFailedException",
        "The RevisionId provided does not match the latest RevisionId. Call the "
        "GetFunction/GetAlias API to retrieve the latest RevisionId",
    )


async def test_a_dry_run_of_an_update_validates_and_changes_nothing(
    plane: Plane, new_zip: Callable[[dict[str, str]], bytes]
) -> None:
    await plane.create()
    before = await plane("GetFunctionConfiguration", FunctionName="echo")
    update = {"FunctionName": "echo", "DryRun": True}

    await plane("UpdateFunctionCode", **update, ZipFile=new_zip({"app.py": "new"}))
    await refused(
        plane("UpdateFunctionCode", **update, ZipFile=b"no zip"),
        "InvalidParameterValueException",
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    )

    assert await plane("GetFunctionConfiguration", FunctionName="echo") == before


async def test_a_deleted_function_is_gone_and_its_environments_retired(plane: Plane) -> None:
    await plane.create()
    plane.invoker.retired.clear()

    answer = await plane("DeleteFunction", FunctionName="echo")

    assert answer == {"StatusCode": 204}
    assert plane.invoker.retired == [(("123456789012", "eu-central-1", "echo"), None)]
    for operation in ("GetFunction", "DeleteFunction", "UpdateFunctionConfiguration", "Invoke"):
        await refused(
            plane(operation, FunctionName="echo"),
            "ResourceNotFoundException",
            f"Function not found: {ARN}",
        )


async def test_a_function_deleted_while_it_was_prepared_stays_deleted(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    # Given a function that is deleted, and made anew, while its first change is on its way
    plane.preparation.gate.clear()
    await plane("CreateFunction", **new_creation("echo", Timeout=1))
    await plane("DeleteFunction", FunctionName="echo")
    await plane("CreateFunction", **new_creation("echo", Timeout=2))
    await plane("CreateFunction", **new_creation("gone"))
    await plane("DeleteFunction", FunctionName="gone")

    # When everything is prepared
    plane.preparation.gate.set()
    await plane.control.changes.settle()

    # Then the second one serves, and what was deleted has not come back
    configuration = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert (configuration["State"], configuration["Timeout"]) == ("Active", 2)
    assert [each["FunctionName"] for each in (await plane("ListFunctions"))["Functions"]] == [
        "echo"
    ]


async def test_latest_alone_cannot_be_deleted(plane: Plane) -> None:
    await plane.create()
    await refused(
        plane("DeleteFunction", FunctionName="echo", Qualifier="$LATEST"),
        "InvalidParameterValueException",
        "$LATEST version cannot be deleted without deleting the function.",
    )


async def test_a_qualified_name_is_answered_with_a_qualified_arn(plane: Plane) -> None:
    await plane.create()
    answer = await plane("GetFunctionConfiguration", FunctionName="echo", Qualifier="$LATEST")
    assert answer["FunctionArn"] == f"{ARN}:$LATEST"
    await refused(
        plane("GetFunctionConfiguration", FunctionName="echo:1"),
        "ResourceNotFoundException",
        f"Function not found: {ARN}:1",
    )


async def test_listing_goes_in_pages_by_name(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    # Given more functions than a page holds, and some of others
    names = [f"f-{number:03d}" for number in range(60)]
    await asyncio.gather(*[plane("CreateFunction", **new_creation(name)) for name in names[::-1]])
    await plane("CreateFunction", **new_creation("theirs"), account_id="999999999999")
    await plane("CreateFunction", **new_creation("elsewhere"), region="us-west-2")
    await plane.control.changes.settle()

    # When they are listed, 50 at most, whatever is asked
    first = await plane("ListFunctions", MaxItems=10_000)
    second = await plane("ListFunctions", Marker=first["NextMarker"])

    # Then the pages hold all of them once, without their states
    pages = [page["Functions"] for page in (first, second)]
    assert [len(page) for page in pages] == [50, 10]
    assert [each["FunctionName"] for page in pages for each in page] == names
    assert "NextMarker" not in second
    assert not pages[0][0].keys() & {"State", "LastUpdateStatus", "StateReason"}
    assert len((await plane("ListFunctions", MaxItems=3))["Functions"]) == 3


async def test_listing_all_versions_names_them(plane: Plane) -> None:
    await plane.create()
    (listed,) = (await plane("ListFunctions", FunctionVersion="ALL"))["Functions"]
    assert listed["FunctionArn"] == f"{ARN}:$LATEST"


async def test_no_function_is_a_replica_of_another_region(plane: Plane) -> None:
    await plane.create()
    assert await plane("ListFunctions", MasterRegion="us-east-1") == {"Functions": []}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"Handler": None},
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages.",
        ),
        (
            {"Runtime": "python3.8"},
            "The runtime parameter of python3.8 is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions.",
        ),
        (
            {"Runtime": "ruby3.4"},
            "The runtime ruby3.4 is not on this machine. Those that are: python3.11. "
            "To have it: apt-get install ruby; then start the server again.",
        ),
        ({"Code": {}}, "Please provide a source for function code."),
        (
            {"Code": {"S3Bucket": "b", "S3Key": "k", "ZipFile": b"x"}},
            "Please do not provide other FunctionCode parameters when providing a ZipFile.",
        ),
        (
            {"PackageType": "Image"},
            "Please provide ImageUri when creating a function with packageType Image.",
        ),
        (
            {"VpcConfig": {"SubnetIds": ["subnet-1"]}},
            "SubnetIds and SecurityGroupIds must be given together, or both be empty.",
        ),
        (
            {"Architectures": ["arm64"]},
            "This machine runs x86_64; the architecture arm64 cannot run on it.",
        ),
        (
            {"Environment": {"Variables": {"AWS_REGION": "x", "OK": "y", "_HANDLER": "z"}}},
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contains reserved keys that are currently not supported "
            "for modification. Reserved keys used in this request: AWS_REGION, _HANDLER",
        ),
        (
            {"Environment": {"Variables": {"BIG": "x" * 4087}}},
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided exceeded the 4KB limit. Measured size: 4097 bytes",
        ),
        (
            {"Environment": {"Variables": {"NULL": "a\0b"}}},
            "Lambda was unable to configure your environment variables because the environment "
            "variables you have provided contain a null character.",
        ),
        (
            {"LoggingConfig": {"SystemLogLevel": "DEBUG"}},
            "Log levels can only be set when LogFormat is JSON.",
        ),
        ({"Tags": {"aws:x": "y"}}, "Tag keys that start with aws: are reserved."),
        (
            {"Tags": {str(number): "" for number in range(51)}},
            "A resource cannot have more than 50 tags.",
        ),
        (
            {"FunctionName": "echo:1"},
            f"Only the $LATEST version of a function can be created or changed: {ARN}:1",
        ),
    ],
)
async def test_what_cannot_be_created_is_refused_with_a_sentence(
    plane: Plane,
    new_creation: Callable[..., dict[str, Any]],
    request_: dict[str, Any],
    message: str,
) -> None:
    request = {name: value for name, value in (new_creation() | request_).items() if value}
    request.setdefault("Code", {})
    await refused(plane("CreateFunction", **request), "InvalidParameterValueException", message)
    assert (await plane("ListFunctions"))["Functions"] == []


async def test_four_kilobytes_of_environment_are_accepted(plane: Plane) -> None:
    await plane.create(Environment={"Variables": {"BIG": "x" * 4086}})


async def test_maxima_are_lambdas_own(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    request = new_creation(Timeout=901, MemorySize=10_241, EphemeralStorage={"Size": 10_241})
    await refused(
        plane("CreateFunction", **request),
        "ValidationException",
        "3 validation errors detected: Value '901' at 'timeout' failed to satisfy constraint: "
        "Member must have value less than or equal to 900; Value '10241' at 'memorySize' failed "
        "to satisfy constraint: Member must have value less than or equal to 10240; Value "
        "'10241' at 'ephemeralStorage.size' failed to satisfy constraint: Member must have value "
        "less than or equal to 10240",
    )


async def test_strict_runtimes_refuse_a_stand_in(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    strict = replace(plane, control=replace(plane.control, strict_runtimes=True))
    await refused(
        strict("CreateFunction", **new_creation(Runtime="python3.12")),
        "InvalidParameterValueException",
        "The runtime python3.12 is not on this machine. Those that are: python3.11. "
        "With runtimes=nearest the nearest version runs instead.",
    )


async def test_a_missing_language_may_be_accepted(
    plane: Plane, new_creation: Callable[..., dict[str, Any]]
) -> None:
    lenient = replace(plane, control=replace(plane.control, accepts_missing_runtimes=True))
    created = await lenient("CreateFunction", **new_creation(Runtime="ruby3.4"))
    assert created["Runtime"] == "ruby3.4"


async def test_a_change_waits_for_room_on_the_disk(
    plane: Plane,
    new_creation: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # Given a disk that is full when the function has been prepared
    plane.preparation.gate.clear()
    await plane("CreateFunction", **new_creation("echo"))
    resources, failures = plane.control.resources, [OSError(28, "No space left on device")]
    save = resources.save

    async def save_unless_full(*saved: Any) -> None:
        if failures:
            raise failures.pop()
        await save(*saved)

    monkeypatch.setattr(resources, "save", save_unless_full)
    monkeypatch.setattr("lambdad.services.lambda_.changes.SAVE_AGAIN_AFTER", 0)

    # When there is room again
    plane.preparation.gate.set()
    await plane.control.changes.settle()

    # Then the function is active
    assert "No space left on device" in caplog.text
    configuration = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert configuration["State"] == "Active"


async def test_a_function_is_not_created_when_the_disk_is_full(
    plane: Plane, new_creation: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def put(content: bytes) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plane.control.blobs, "put", put)

    with pytest.raises(OSError, match="No space left"):
        await plane("CreateFunction", **new_creation("echo"))

    assert (await plane("ListFunctions"))["Functions"] == []


async def test_the_answers_hold_only_what_awss_model_knows(plane: Plane) -> None:
    model = botocore.session.get_session().get_service_model("lambda")
    await plane.create(Environment={"Variables": {"A1": ""}}, VpcConfig={"SubnetIds": []})
    configuration = model.shape_for("FunctionConfiguration").members

    answers = {
        "GetFunctionConfiguration": await plane("GetFunctionConfiguration", FunctionName="echo"),
        "GetFunction": await plane("GetFunction", FunctionName="echo"),
        "ListFunctions": await plane("ListFunctions"),
        "UpdateFunctionConfiguration": await plane(
            "UpdateFunctionConfiguration", FunctionName="echo"
        ),
    }

    for operation, answer in answers.items():
        assert answer.keys() <= model.operation_model(operation).output_shape.members.keys()
    assert answers["GetFunction"]["Configuration"].keys() <= configuration.keys()
    assert answers["ListFunctions"]["Functions"][0].keys() <= configuration.keys()
