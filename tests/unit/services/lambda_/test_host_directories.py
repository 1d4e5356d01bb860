"""File systems and live code: what the operator lists, and nothing from inside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.function import FunctionVersion
from lambdad.services.lambda_ import operations
from lambdad.services.lambda_.functions import Function
from support.control_plane import ACCOUNT, REGION, Plane, creation, refused

EFS = f"arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:access-point/fsap-0123456789abcdef0"
S3_FILES = (
    f"arn:aws:s3files:{REGION}:{ACCOUNT}:file-system/fs-0123456789abcdef0"
    "/access-point/fsap-0123456789abcdef0"
)
ELSEWHERE = EFS.replace(REGION, "us-east-1")
OTHERS = EFS.replace(ACCOUNT, "999999999999")
DATA = {"Arn": EFS, "LocalMountPath": "/mnt/data"}
LIVE = {"S3Bucket": "hot-reload", "S3Key": "/link"}
EMPTY = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


async def find_live_code(path: str) -> str:
    if path != "/link":
        raise ClientError("InvalidParameterValueException", f"hot_reload: no {path}")
    return "/srv/code dir"


def furnished(plane: Plane, **changes: Any) -> Plane:
    listed = {"file_systems": {EFS, S3_FILES, ELSEWHERE, OTHERS}, "find_live_code": find_live_code}
    return replace(plane, control=replace(plane.control, **listed, **changes))


@pytest.fixture
def host(plane: Plane) -> Plane:
    """A control plane whose operator has listed directories."""
    return furnished(plane)


async def from_inside(plane: Plane, operation: str, **request: Any) -> dict[str, Any]:
    """Call an operation as a function does, through its own endpoint."""
    caller = Caller(ACCOUNT, REGION, environment_id="e1")
    context = RequestContext("r-1", "lambda", operation, caller, "http://127.0.0.1:4566")
    return dict(await operations(plane.control)["lambda", operation](context, request))


def latest(plane: Plane, name: str = "echo") -> FunctionVersion:
    function = plane.control.resources.find(Function, ACCOUNT, REGION, name)
    assert function is not None
    return function.latest


# File systems


async def test_a_function_has_the_file_system_that_it_asks_for(host: Plane) -> None:
    created = await host.create(FileSystemConfigs=[DATA])
    assert created["FileSystemConfigs"] == [DATA]
    found = await host("GetFunctionConfiguration", FunctionName="echo")
    assert found["FileSystemConfigs"] == [DATA]
    assert latest(host).file_system == DATA


async def test_a_file_system_comes_and_goes_with_an_update(host: Plane) -> None:
    await host.create()
    assert "FileSystemConfigs" not in await host("GetFunctionConfiguration", FunctionName="echo")
    await host.update(FileSystemConfigs=[DATA])
    await host.update(Timeout=7)
    assert latest(host).file_system == DATA
    await host.update(FileSystemConfigs=[])
    assert latest(host).file_system == {}


async def test_a_file_system_survives_a_restart_and_its_removal_from_the_list(
    open_plane: Callable[[], Awaitable[Plane]],
) -> None:
    await furnished(await open_plane()).create(FileSystemConfigs=[DATA])
    again = await open_plane()
    found = await again("GetFunctionConfiguration", FunctionName="echo")
    assert found["FileSystemConfigs"] == [DATA]


async def test_direct_reads_of_s3_files_are_kept_as_they_were_given(host: Plane) -> None:
    config = {**DATA, "Arn": S3_FILES, "S3FilesConfig": {"DirectS3Read": "ENABLED"}}
    assert (await host.create(FileSystemConfigs=[config]))["FileSystemConfigs"] == [config]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Arn": EFS.replace("0123", "3210")}, "setting file_systems"),
        ({"Arn": ELSEWHERE}, "own region and account"),
        ({"Arn": OTHERS}, "own region and account"),
        ({"LocalMountPath": "/mnt/.."}, "names no directory"),
        ({"LocalMountPath": "/mnt/."}, "names no directory"),
        ({"S3FilesConfig": {"DirectS3Read": "AUTO"}}, "S3FilesConfig is for"),
    ],
)
async def test_what_cannot_be_mounted_is_refused(
    host: Plane, change: dict[str, Any], message: str
) -> None:
    wrong = [{**DATA, **change}]
    error = await refused(
        host("CreateFunction", **creation(FileSystemConfigs=wrong)),
        "InvalidParameterValueException",
    )
    assert message in error.message
    await host.create()
    await refused(
        host("UpdateFunctionConfiguration", FunctionName="echo", FileSystemConfigs=wrong),
        "InvalidParameterValueException",
    )
    assert latest(host).file_system == {}


async def test_without_a_list_the_setting_is_named(plane: Plane) -> None:
    error = await refused(
        plane("CreateFunction", **creation(FileSystemConfigs=[DATA])),
        "InvalidParameterValueException",
    )
    assert "file_systems (ARN=DIRECTORY)" in error.message


async def test_a_sandbox_that_mounts_nothing_has_no_file_systems(plane: Plane) -> None:
    error = await refused(
        furnished(plane, can_mount=False)("CreateFunction", **creation(FileSystemConfigs=[DATA])),
        "InvalidParameterValueException",
    )
    assert "process sandbox" in error.message


# Live code


async def test_live_code_is_a_directory_and_nothing_is_kept_of_it(host: Plane) -> None:
    created = await host.create(Code=LIVE)
    assert (created["CodeSize"], created["CodeSha256"]) == (0, EMPTY)
    assert latest(host).code.directory == "/srv/code dir"
    assert latest(host).state.value == "Active"
    found = await host("GetFunction", FunctionName="echo")
    assert found["Code"]["Location"] == "file:///srv/code%20dir"


async def test_code_becomes_live_and_a_package_again(host: Plane) -> None:
    await host.create()
    package = latest(host).code
    assert (await host("UpdateFunctionCode", FunctionName="echo", **LIVE))["CodeSize"] == 0
    await host.control.changes.settle()
    assert latest(host).code.directory == "/srv/code dir"
    content = creation()["Code"]["ZipFile"]
    await host("UpdateFunctionCode", FunctionName="echo", ZipFile=content)
    await host.control.changes.settle()
    assert latest(host).code == package


async def test_a_dry_run_only_looks(host: Plane) -> None:
    await host.create()
    await host("UpdateFunctionCode", FunctionName="echo", DryRun=True, **LIVE)
    wrong = {**LIVE, "S3Key": "/etc"}
    await refused(
        host("UpdateFunctionCode", FunctionName="echo", DryRun=True, **wrong),
        "InvalidParameterValueException",
    )
    assert latest(host).code.directory == ""


async def test_live_code_survives_a_restart(open_plane: Callable[[], Awaitable[Plane]]) -> None:
    await furnished(await open_plane()).create(Code=LIVE)
    assert latest(await open_plane()).code.directory == "/srv/code dir"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"S3Key": "/etc"}, "hot_reload"),
        ({"S3Key": "srv/code"}, "absolute path"),
        ({"S3Key": ""}, "absolute path"),
        ({"ZipFile": "x"}, "no ZipFile"),
    ],
)
async def test_what_is_no_live_code_is_refused(
    host: Plane, change: dict[str, str], message: str
) -> None:
    error = await refused(
        host("CreateFunction", **creation(Code={**LIVE, **change})),
        "InvalidParameterValueException",
    )
    assert message in error.message


async def test_without_a_list_the_setting_for_live_code_is_named(plane: Plane) -> None:
    error = await refused(
        plane("CreateFunction", **creation(Code=LIVE)), "InvalidParameterValueException"
    )
    assert "hot_reload" in error.message


@pytest.mark.parametrize("publishing", [{"Publish": True}, {"PublishTo": "LATEST_PUBLISHED"}])
async def test_live_code_cannot_be_published(host: Plane, publishing: dict[str, Any]) -> None:
    # When it is created
    error = await refused(
        host("CreateFunction", **creation(Code=LIVE, **publishing)),
        "InvalidParameterValueException",
    )
    assert "a version never changes" in error.message
    # When code becomes live
    await host.create()
    await refused(
        host("UpdateFunctionCode", FunctionName="echo", **LIVE, **publishing),
        "InvalidParameterValueException",
    )
    assert latest(host).code.directory == ""
    # When it is live
    await host("UpdateFunctionCode", FunctionName="echo", **LIVE)
    await host.control.changes.settle()
    await refused(host("PublishVersion", FunctionName="echo"), "InvalidParameterValueException")


# From inside


@pytest.mark.parametrize("asked", [{"Code": LIVE}, {"FileSystemConfigs": [DATA]}])
async def test_no_function_is_made_from_inside_that_has_a_directory_of_the_host(
    host: Plane, asked: dict[str, Any]
) -> None:
    await refused(from_inside(host, "CreateFunction", **creation(**asked)), "AccessDeniedException")
    await refused(host("GetFunction", FunctionName="echo"), "ResourceNotFoundException")


async def test_no_function_gets_one_from_inside(host: Plane) -> None:
    await host.create()
    for operation, asked in (
        ("UpdateFunctionCode", LIVE),
        ("UpdateFunctionCode", {**LIVE, "DryRun": True}),
        ("UpdateFunctionConfiguration", {"FileSystemConfigs": [DATA]}),
    ):
        await refused(
            from_inside(host, operation, FunctionName="echo", **asked), "AccessDeniedException"
        )


@pytest.mark.parametrize("has", [{"Code": LIVE}, {"FileSystemConfigs": [DATA]}])
async def test_no_function_that_has_one_is_changed_from_inside(
    host: Plane, has: dict[str, Any]
) -> None:
    """Its code would be the caller's, with the directory in its hands."""
    await host.create(**has)
    before = latest(host)
    content = creation()["Code"]["ZipFile"]
    for operation, asked in (
        ("UpdateFunctionCode", {"ZipFile": content}),
        ("UpdateFunctionConfiguration", {"Handler": "other.handler"}),
        ("UpdateFunctionConfiguration", {"FileSystemConfigs": []}),
    ):
        await refused(
            from_inside(host, operation, FunctionName="echo", **asked), "AccessDeniedException"
        )
    assert latest(host) == before


async def test_any_other_function_is_made_and_changed_from_inside(host: Plane) -> None:
    await from_inside(host, "CreateFunction", **creation())
    await host.control.changes.settle()
    await from_inside(host, "UpdateFunctionConfiguration", FunctionName="echo", Timeout=9)
    await host.control.changes.settle()
    assert latest(host).timeout == 9
