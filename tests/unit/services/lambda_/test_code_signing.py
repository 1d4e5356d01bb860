"""Code signing: configs, the functions that use them, and what a deployment hears."""

from __future__ import annotations

import asyncio
import io
import logging
import zipfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from support.control_plane import Plane, creation, make_zip, refused
from support.signing import OTHER_PROFILE, PROFILE, Publisher, at

NOW = at(1_700_000_000)
OURS = Publisher.make(NOW)
EXPIRED = Publisher.make(NOW - timedelta(days=30), days=5)
PACKAGE = make_zip({"app.py": "def handler(event, context): return event"})
PREFIX = "arn:aws:lambda:eu-central-1:123456789012"
MISSING = f"{PREFIX}:code-signing-config:csc-0{'0' * 16}"
UNTRUSTED = "CodeVerificationFailedException"


@pytest.fixture
async def plane(open_plane: Callable[[], Awaitable[Plane]]) -> Plane:
    """A control plane whose operator trusts one publisher, and knows another that has expired."""
    plane = await open_plane()
    profiles = {PROFILE: [OURS.certificate], OTHER_PROFILE: [EXPIRED.certificate]}
    return replace(plane, control=replace(plane.control, signing_profiles=profiles))


async def make_config(plane: Plane, policy: str | None = None, *profiles: str) -> str:
    """A config that allows these profiles, or one; returns its ARN."""
    policies = {"CodeSigningPolicies": {"UntrustedArtifactOnDeployment": policy}}
    answer = await plane(
        "CreateCodeSigningConfig",
        AllowedPublishers={"SigningProfileVersionArns": list(profiles) or [PROFILE]},
        **(policies if policy else {}),
    )
    return str(answer["CodeSigningConfig"]["CodeSigningConfigArn"])


async def test_a_config_is_made_changed_listed_and_deleted(plane: Plane) -> None:
    # Given
    arn = await make_config(plane)
    found = (await plane("GetCodeSigningConfig", CodeSigningConfigArn=arn))["CodeSigningConfig"]
    assert found == {
        "CodeSigningConfigId": arn.rpartition(":")[2],
        "CodeSigningConfigArn": arn,
        "Description": "",
        "AllowedPublishers": {"SigningProfileVersionArns": [PROFILE]},
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"},
        "LastModified": "2023-11-14T22:13:20.000+0000",
    }
    # When
    plane.clock.advance(1)
    updated = await plane(
        "UpdateCodeSigningConfig",
        CodeSigningConfigArn=arn,
        Description="d",
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )
    # Then
    expected = {
        **found,
        "Description": "d",
        "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Enforce"},
        "LastModified": "2023-11-14T22:13:21.000+0000",
    }
    assert updated == {"CodeSigningConfig": expected}
    assert (await plane("ListCodeSigningConfigs"))["CodeSigningConfigs"] == [expected]
    await plane("DeleteCodeSigningConfig", CodeSigningConfigArn=arn)
    assert await plane("ListCodeSigningConfigs") == {"CodeSigningConfigs": []}


async def test_configs_come_in_pages(plane: Plane) -> None:
    arns = sorted([await make_config(plane) for _ in range(3)])
    first = await plane("ListCodeSigningConfigs", MaxItems=2)
    second = await plane("ListCodeSigningConfigs", MaxItems=2, Marker=first["NextMarker"])
    found = first["CodeSigningConfigs"] + second["CodeSigningConfigs"]
    assert [each["CodeSigningConfigArn"] for each in found] == arns
    assert "NextMarker" not in second


@pytest.mark.parametrize("arn", [MISSING, MISSING.replace("eu-central", "us-east")])
async def test_a_config_that_is_not_there_is_an_error(plane: Plane, arn: str) -> None:
    for operation in (
        "GetCodeSigningConfig",
        "UpdateCodeSigningConfig",
        "DeleteCodeSigningConfig",
        "ListFunctionsByCodeSigningConfig",
    ):
        call = plane(operation, CodeSigningConfigArn=arn)
        await refused(call, "ResourceNotFoundException")


async def test_no_function_can_use_a_config_that_is_not_there(plane: Plane) -> None:
    missing = "CodeSigningConfigNotFoundException"
    await refused(plane.create("new", CodeSigningConfigArn=MISSING), missing)
    await refused(plane("GetFunction", FunctionName="new"), "ResourceNotFoundException")
    await plane.create()
    put = {"FunctionName": "echo", "CodeSigningConfigArn": MISSING}
    await refused(plane("PutFunctionCodeSigningConfig", **put), missing)


async def test_a_function_uses_a_config_until_it_is_taken_away(
    plane: Plane, open_plane: Callable[[], Awaitable[Plane]]
) -> None:
    # Given
    await plane.create()
    arn, name = await make_config(plane), {"FunctionName": "echo"}
    assert await plane("GetFunctionCodeSigningConfig", **name) == {}
    # When
    put = await plane("PutFunctionCodeSigningConfig", **name, CodeSigningConfigArn=arn)
    # Then it is used, after a restart too, and cannot be deleted
    assert put == {"FunctionName": "echo", "CodeSigningConfigArn": arn}
    plane = await open_plane()
    assert await plane("GetFunctionCodeSigningConfig", **name) == put
    listed = await plane("ListFunctionsByCodeSigningConfig", CodeSigningConfigArn=arn)
    assert listed == {"FunctionArns": [f"{PREFIX}:function:echo"]}
    delete = {"CodeSigningConfigArn": arn}
    await refused(plane("DeleteCodeSigningConfig", **delete), "ResourceConflictException")
    # When it is taken away, once more to be sure
    await plane("DeleteFunctionCodeSigningConfig", **name)
    await plane("DeleteFunctionCodeSigningConfig", **name)
    # Then
    assert await plane("GetFunctionCodeSigningConfig", **name) == {}
    await plane("DeleteCodeSigningConfig", **delete)


async def test_only_functions_as_a_whole_have_a_config(plane: Plane) -> None:
    arn = await make_config(plane)
    for operation, request in (
        ("GetFunctionCodeSigningConfig", {}),
        ("DeleteFunctionCodeSigningConfig", {}),
        ("PutFunctionCodeSigningConfig", {"CodeSigningConfigArn": arn}),
    ):
        call = plane(operation, FunctionName="echo", **request)
        await refused(call, "ResourceNotFoundException")
        call = plane(operation, FunctionName="echo:1", **request)
        await refused(call, "InvalidParameterValueException")


@pytest.mark.parametrize("policy", ["Warn", "Enforce"])
async def test_a_signed_package_is_deployed_and_its_publisher_named(
    plane: Plane, policy: str
) -> None:
    # Given
    arn = await make_config(plane, policy)
    # When
    created = await plane.create(
        CodeSigningConfigArn=arn, Code={"ZipFile": OURS.sign(PACKAGE)}, Publish=True
    )
    # Then
    assert created["SigningProfileVersionArn"] == PROFILE
    found = await plane("GetFunctionCodeSigningConfig", FunctionName="echo")
    assert found["CodeSigningConfigArn"] == arn
    # And a new package without a config has no publisher, while the version keeps its own
    await plane("DeleteFunctionCodeSigningConfig", FunctionName="echo")
    await plane("UpdateFunctionCode", FunctionName="echo", ZipFile=OURS.sign(PACKAGE))
    await plane.control.changes.settle()
    latest = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert "SigningProfileVersionArn" not in latest
    version = await plane("GetFunctionConfiguration", FunctionName="echo:1")
    assert version["SigningProfileVersionArn"] == PROFILE


@pytest.mark.parametrize(
    "package",
    [PACKAGE, Publisher.make(NOW).sign(PACKAGE), EXPIRED.sign(PACKAGE)],
    ids=["unsigned", "a stranger's", "expired"],
)
async def test_a_package_that_nobody_vouches_for_follows_the_policy(
    plane: Plane, package: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a config that only warns
    arn = await make_config(plane, "Warn", PROFILE, OTHER_PROFILE)
    with caplog.at_level(logging.WARNING):
        created = await plane.create(CodeSigningConfigArn=arn, Code={"ZipFile": package})
    # Then the package is let through, and the log says so
    assert "SigningProfileVersionArn" not in created
    assert arn in caplog.text
    # When the config enforces
    await plane(
        "UpdateCodeSigningConfig",
        CodeSigningConfigArn=arn,
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )
    # Then the function stays, and nothing of the kind is deployed
    await plane("Invoke", FunctionName="echo", Payload=b"{}")
    await plane.update(Timeout=9)
    request = creation("new", CodeSigningConfigArn=arn, Code={"ZipFile": package})
    await refused(plane("CreateFunction", **request), UNTRUSTED)
    await refused(plane("GetFunction", FunctionName="new"), "ResourceNotFoundException")
    for dry_run in (True, False):
        update = plane("UpdateFunctionCode", FunctionName="echo", ZipFile=package, DryRun=dry_run)
        await refused(update, UNTRUSTED)


@pytest.mark.parametrize("policy", ["Warn", "Enforce"])
async def test_a_package_that_was_changed_is_never_deployed(plane: Plane, policy: str) -> None:
    arn = await make_config(plane, policy)
    buffer = io.BytesIO(make_zip({"app.py": "def handler(event, context): return 'bad'"}))
    with zipfile.ZipFile(buffer, "a") as changed:
        changed.comment = zipfile.ZipFile(io.BytesIO(OURS.sign(PACKAGE))).comment
    tampered = buffer.getvalue()
    request = creation(CodeSigningConfigArn=arn, Code={"ZipFile": tampered})
    await refused(plane("CreateFunction", **request), "InvalidCodeSignatureException")


async def test_a_publisher_that_the_operator_does_not_know_cannot_sign(plane: Plane) -> None:
    arn = await make_config(plane, "Enforce", PROFILE + "x")
    request = creation(CodeSigningConfigArn=arn, Code={"ZipFile": OURS.sign(PACKAGE)})
    await refused(plane("CreateFunction", **request), UNTRUSTED)


async def test_a_function_named_like_its_config_is_not_locked_out(plane: Plane) -> None:
    arn = await make_config(plane, "Warn")
    name = arn.rpartition(":")[2]
    await plane.create(name)
    async with asyncio.timeout(5):
        await plane("PutFunctionCodeSigningConfig", FunctionName=name, CodeSigningConfigArn=arn)


async def test_an_image_has_no_config(plane: Plane) -> None:
    arn = await make_config(plane, "Warn")
    image = {"ImageUri": "registry.example/app:1"}
    await plane.create("image", PackageType="Image", Runtime=None, Handler=None, Code=image)
    await refused(
        plane("PutFunctionCodeSigningConfig", FunctionName="image", CodeSigningConfigArn=arn),
        "InvalidParameterValueException",
        "Only packages can be signed: neither images nor live code.",
    )


async def test_new_code_beside_an_unsigned_layer_is_refused(plane: Plane) -> None:
    # Given a function whose layer nobody has signed
    layer = await plane(
        "PublishLayerVersion", LayerName="tools", Content={"ZipFile": make_zip({"x": "1"})}
    )
    await plane.create("echo", Layers=[layer["LayerVersionArn"]])
    arn = await make_config(plane, "Enforce")
    await plane("PutFunctionCodeSigningConfig", FunctionName="echo", CodeSigningConfigArn=arn)
    # When, then
    await refused(
        plane("UpdateFunctionCode", FunctionName="echo", ZipFile=OURS.sign(PACKAGE)), UNTRUSTED
    )
