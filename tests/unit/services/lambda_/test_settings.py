"""Settings: what was asked for comes back, within AWS's rules; what cannot stand together is
refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.control_plane import creation, make_zip, refused

Plane = Any
INVALID = "InvalidParameterValueException"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app"
DIGEST = "ab" * 32
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:failed"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"


async def configuration(plane: Plane, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = await plane("GetFunctionConfiguration", FunctionName="echo", **more)
    return found


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"DeadLetterConfig": {"TargetArn": QUEUE}}, {"DeadLetterConfig": {"TargetArn": QUEUE}}),
        ({"DeadLetterConfig": {"TargetArn": ""}}, {}),
        ({"DeadLetterConfig": {}}, {}),
        ({"KMSKeyArn": KEY}, {"KMSKeyArn": KEY}),
        ({"KMSKeyArn": ""}, {}),
        (
            {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}},
            {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}},
        ),
        (
            {"DurableConfig": {"ExecutionTimeout": 60}},
            {"DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 14}},
        ),
        (
            {"DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 3}},
            {"DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 3}},
        ),
        (
            {"LoggingConfig": {"LogFormat": "JSON"}},
            {
                "LoggingConfig": {
                    "LogFormat": "JSON",
                    "ApplicationLogLevel": "INFO",
                    "SystemLogLevel": "INFO",
                    "LogGroup": "/aws/lambda/echo",
                }
            },
        ),
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions"}, "Runtime": "python3.12"},
            {"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}},
        ),
        (
            {"SnapStart": {"ApplyOn": "None"}},
            {"SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"}},
        ),
    ],
)
async def test_what_is_asked_for_comes_back(
    plane: Plane, asked: dict[str, Any], told: dict[str, Any]
) -> None:
    await plane.create(**asked)
    found = await configuration(plane)
    assert {member: found.get(member) for member in told} == told
    for member in asked.keys() - told.keys():
        assert member not in found or member == "Runtime"


async def test_settings_survive_a_restart(open_plane: Callable[[], Awaitable[Plane]]) -> None:
    # Given
    plane = await open_plane()
    await plane.create(
        DeadLetterConfig={"TargetArn": QUEUE},
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"},
    )
    before = await configuration(plane)
    # When
    again = await open_plane()
    # Then
    assert await configuration(again) == before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            {"DeadLetterConfig": {"TargetArn": "arn:aws:s3:::bucket"}},
            "The dead-letter target arn:aws:s3:::bucket must be the ARN of an Amazon SQS queue or "
            "of an Amazon SNS topic.",
        ),
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions"}},
            "python3.11 is not supported for SnapStart enabled functions.",
        ),
        (
            {
                "SnapStart": {"ApplyOn": "PublishedVersions"},
                "Runtime": "python3.12",
                "EphemeralStorage": {"Size": 513},
            },
            "SnapStart is not supported with more than 512 MB of ephemeral storage.",
        ),
        (
            {
                "SnapStart": {"ApplyOn": "PublishedVersions"},
                "Runtime": "python3.12",
                "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
            },
            "SnapStart is not supported for functions with tenant isolation.",
        ),
        (
            {"ImageConfig": {"Command": ["x"]}},
            "ImageConfig is only for functions whose PackageType is Image.",
        ),
        (
            {"VpcConfig": {"SecurityGroupIds": ["sg-1"]}},
            "SubnetIds and SecurityGroupIds must be given together, or both be empty.",
        ),
        (
            {"PackageType": "Image", "Code": {"ImageUri": IMAGE}},
            "Runtime and Handler are not for functions created with container images: the image "
            "has both.",
        ),
        (
            {"Code": {"ImageUri": IMAGE}},
            "Please don't provide ImageUri when creating a function with packageType Zip.",
        ),
    ],
)
async def test_what_cannot_stand_is_refused_and_nothing_is_made(
    plane: Plane, asked: dict[str, Any], message: str
) -> None:
    await refused(plane.create(**asked), INVALID, message)
    await refused(configuration(plane), "ResourceNotFoundException")


# Logging


async def test_levels_go_when_the_format_becomes_text(plane: Plane) -> None:
    await plane.create(LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"})
    await plane.update(LoggingConfig={"SystemLogLevel": "WARN"})
    logging = (await configuration(plane))["LoggingConfig"]
    assert (logging["ApplicationLogLevel"], logging["SystemLogLevel"]) == ("DEBUG", "WARN")

    await plane.update(LoggingConfig={"LogFormat": "Text"})
    text = {"LogFormat": "Text", "LogGroup": "/aws/lambda/echo"}
    assert (await configuration(plane))["LoggingConfig"] == text

    await refused(
        plane.update(LoggingConfig={"ApplicationLogLevel": "INFO"}),
        INVALID,
        "Log levels can only be set when LogFormat is JSON.",
    )


# VPC


async def test_a_vpc_is_told_and_left(plane: Plane) -> None:
    # Given
    asked = {"SubnetIds": ["subnet-1", "subnet-2"], "SecurityGroupIds": ["sg-1"]}
    await plane.create(VpcConfig=asked)
    vpc = (await configuration(plane))["VpcConfig"]
    assert vpc == {**asked, "VpcId": vpc["VpcId"], "Ipv6AllowedForDualStack": False}
    assert vpc["VpcId"].startswith("vpc-")
    # When only one member is named, the others stay
    await plane.update(VpcConfig={"Ipv6AllowedForDualStack": True})
    assert (await configuration(plane))["VpcConfig"] == {**vpc, "Ipv6AllowedForDualStack": True}
    # When it leaves
    await plane.update(VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})
    # Then
    left = (await configuration(plane))["VpcConfig"]
    assert (left["SubnetIds"], left["SecurityGroupIds"], left["VpcId"]) == ([], [], "")


async def test_functions_of_an_account_and_region_share_a_vpc(plane: Plane) -> None:
    ids = []
    for name, place in (("a", {}), ("b", {}), ("c", {"region": "eu-west-1"})):
        request = creation(name, VpcConfig={"SubnetIds": [f"subnet-{name}"],
                                            "SecurityGroupIds": ["sg-1"]})  # fmt: skip
        ids.append((await plane("CreateFunction", **request, **place))["VpcConfig"]["VpcId"])
    assert ids[0] == ids[1] != ids[2]


# Durable functions, tenants: settled at creation


async def test_a_function_becomes_durable_only_at_its_creation(plane: Plane) -> None:
    await plane.create()
    await refused(
        plane.update(DurableConfig={"ExecutionTimeout": 60}),
        INVALID,
        "DurableConfig can only be set when a function is created; make a new function.",
    )
    await plane.update(DurableConfig={})
    assert "DurableConfig" not in await configuration(plane)


async def test_a_durable_function_changes_what_is_named(plane: Plane) -> None:
    await plane.create(DurableConfig={"ExecutionTimeout": 60, "KMSKeyArn": KEY})
    await plane.update(DurableConfig={"RetentionPeriodInDays": 7, "KMSKeyArn": ""})
    durable = {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7}
    assert (await configuration(plane))["DurableConfig"] == durable


async def test_tenancy_stays_through_updates(plane: Plane) -> None:
    tenancy = {"TenantIsolationMode": "PER_TENANT"}
    await plane.create(TenancyConfig=tenancy)
    await plane.update(Timeout=9)
    assert (await configuration(plane))["TenancyConfig"] == tenancy


# SnapStart


async def test_snap_start_is_on_for_published_versions_alone(plane: Plane) -> None:
    await plane.create(Runtime="python3.12", SnapStart={"ApplyOn": "PublishedVersions"})
    published = await plane("PublishVersion", FunctionName="echo")
    on = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    assert published["SnapStart"] == on
    assert (await configuration(plane, Qualifier="1"))["SnapStart"] == on
    assert (await configuration(plane))["SnapStart"]["OptimizationStatus"] == "Off"


async def test_a_runtime_without_snap_start_is_refused_later_too(plane: Plane) -> None:
    await plane.create(Runtime="python3.12", SnapStart={"ApplyOn": "PublishedVersions"})
    await refused(
        plane.update(Runtime="python3.11"),
        INVALID,
        "python3.11 is not supported for SnapStart enabled functions.",
    )
    await plane.update(Runtime="python3.11", SnapStart={"ApplyOn": "None"})


# The digest of the configuration


async def test_the_digest_of_the_configuration_is_of_the_configuration_alone(plane: Plane) -> None:
    await plane.create()
    first = await configuration(plane)
    await plane("UpdateFunctionCode", FunctionName="echo", ZipFile=make_zip({"app.py": "x = 1"}))
    await plane.control.changes.settle()
    second = await configuration(plane)
    assert second["CodeSha256"] != first["CodeSha256"]
    assert second["ConfigSha256"] == first["ConfigSha256"]
    await plane.update(Timeout=8)
    assert (await configuration(plane))["ConfigSha256"] != first["ConfigSha256"]


# Images


async def create_image(plane: Plane, uri: str = IMAGE, **more: Any) -> Any:
    code = {"ImageUri": uri}
    return await plane.create(PackageType="Image", Code=code, Runtime=None, Handler=None, **more)


async def test_an_image_is_kept_as_it_was_named(plane: Plane) -> None:
    # When
    image_config = {"Command": ["app.handler"], "WorkingDirectory": "/srv"}
    await create_image(plane, f"{IMAGE}:1@sha256:{DIGEST}", ImageConfig=image_config)
    # Then it is Active, with what is known of it
    found = await plane("GetFunction", FunctionName="echo")
    told = found["Configuration"]
    assert (told["State"], told["PackageType"], told["CodeSize"]) == ("Active", "Image", 0)
    assert told["ImageConfigResponse"] == {"ImageConfig": image_config}
    assert told["CodeSha256"] == DIGEST
    assert not told.keys() & {"Runtime", "Handler", "RuntimeVersionConfig"}
    assert found["Code"] == {
        "RepositoryType": "ECR",
        "ImageUri": f"{IMAGE}:1@sha256:{DIGEST}",
        "ResolvedImageUri": f"{IMAGE}@sha256:{DIGEST}",
    }
    assert plane.preparation.prepared == []


async def test_an_empty_image_config_asks_for_nothing(plane: Plane) -> None:
    nothing = {"Command": [], "WorkingDirectory": ""}
    await plane.create("zipped", ImageConfig=nothing)
    await create_image(plane, ImageConfig={"Command": ["app.handler"]})
    await plane.update(ImageConfig=nothing)
    assert "ImageConfigResponse" not in await configuration(plane)


async def test_a_tag_is_not_resolved(plane: Plane) -> None:
    await create_image(plane, f"{IMAGE}:latest")
    found = await plane("GetFunction", FunctionName="echo")
    assert found["Code"] == {"RepositoryType": "ECR", "ImageUri": f"{IMAGE}:latest"}
    assert "CodeSha256" not in found["Configuration"]
    assert (await plane("PublishVersion", FunctionName="echo"))["Version"] == "1"


async def test_a_package_type_is_for_life(plane: Plane) -> None:
    await create_image(plane)
    await plane.create("zipped")
    for name, source, message in (
        (
            "echo",
            {"ZipFile": make_zip({"app.py": ""})},
            "Please provide ImageUri when updating a function with packageType Image.",
        ),
        (
            "zipped",
            {"ImageUri": IMAGE},
            "Please don't provide ImageUri when updating a function with packageType Zip.",
        ),
    ):
        await refused(plane("UpdateFunctionCode", FunctionName=name, **source), INVALID, message)
    await plane("UpdateFunctionCode", FunctionName="echo", ImageUri=f"{IMAGE}:2")
    await plane.control.changes.settle()
    found = await plane("GetFunction", FunctionName="echo")
    assert found["Code"]["ImageUri"] == f"{IMAGE}:2"
    assert found["Configuration"]["LastUpdateStatus"] == "Successful"
    await refused(plane.update(Handler="app.handler"), INVALID)


@pytest.mark.parametrize("uri", ["", "app", "UPPER", "a b/c", f"{IMAGE}@sha256:12", f"{IMAGE}:"])
async def test_what_is_no_image_is_refused(plane: Plane, uri: str) -> None:
    await refused(create_image(plane, uri), INVALID)
