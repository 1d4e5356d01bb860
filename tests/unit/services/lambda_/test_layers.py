"""Layers: numbered versions that are never changed, and what the lists show of them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdad.model.alias import Alias
from lambdad.services.lambda_ import layers
from support.control_plane import ACCOUNT, REGION, Plane, make_zip, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:layer:tools"
STRANGER = "999999999999"
NOT_FOUND = ("ResourceNotFoundException", "The resource you requested does not exist.")
CONTENT = make_zip({"python/tools.py": "x = 1"})
Open = Callable[[], Awaitable[Plane]]


async def publish(plane: Plane, name: str = "tools", **request: Any) -> dict[str, Any]:
    plain = {"LayerName": name, "Content": {"ZipFile": CONTENT}}
    return await plane("PublishLayerVersion", **{**plain, **request})


async def test_a_published_version_is_answered_and_found(plane: Plane) -> None:
    published = await publish(
        plane,
        Description="d",
        LicenseInfo="MIT",
        CompatibleRuntimes=["python3.11", "python3.12"],
        CompatibleArchitectures=["x86_64"],
    )
    content = published.pop("Content")
    assert content["Location"].startswith("http://127.0.0.1:4566/_lambdad/code/")
    assert content["CodeSize"] == len(CONTENT)
    assert content["CodeSha256"] == base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert published == {
        "LayerArn": ARN,
        "LayerVersionArn": f"{ARN}:1",
        "Version": 1,
        "Description": "d",
        "CreatedDate": published["CreatedDate"],
        "LicenseInfo": "MIT",
        "CompatibleRuntimes": ["python3.11", "python3.12"],
        "CompatibleArchitectures": ["x86_64"],
    }
    assert published["CreatedDate"].endswith("+0000")
    for name in ("tools", ARN):
        found = await plane("GetLayerVersion", LayerName=name, VersionNumber=1)
        assert found == {**published, "Content": content}
    assert await plane("GetLayerVersionByArn", Arn=f"{ARN}:1") == {**published, "Content": content}


async def test_what_was_not_given_is_left_out(plane: Plane) -> None:
    published = await publish(plane)
    assert published["Description"] == ""
    assert not published.keys() & {
        *("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"),
    }


async def test_numbers_are_never_used_again(open_plane: Open) -> None:
    plane = await open_plane()
    assert [(await publish(plane))["Version"] for _ in range(2)] == [1, 2]
    for number in (1, 2, 2):
        assert await plane("DeleteLayerVersion", LayerName="tools", VersionNumber=number) == {}
    assert (await plane("ListLayers"))["Layers"] == []
    plane = await open_plane()
    assert (await publish(plane))["Version"] == 3


async def test_versions_survive_a_restart(open_plane: Open) -> None:
    published = await publish(await open_plane(), CompatibleRuntimes=["python3.11"])
    again = await open_plane()
    assert await again("GetLayerVersion", LayerName="tools", VersionNumber=1) == published


async def test_versions_are_listed_from_the_newest_in_pages(plane: Plane) -> None:
    for _ in range(11):
        await publish(plane)
    await plane("DeleteLayerVersion", LayerName=ARN, VersionNumber=7)
    await publish(plane, "tools-2")
    numbers, request = [], {"LayerName": "tools", "MaxItems": 4}
    while True:
        listed = await plane("ListLayerVersions", **request)
        numbers.append([each["Version"] for each in listed["LayerVersions"]])
        if "NextMarker" not in listed:
            break
        request["Marker"] = listed["NextMarker"]
    assert numbers == [[11, 10, 9, 8], [6, 5, 4, 3], [2, 1]]
    assert "Content" not in listed["LayerVersions"][0]
    assert listed["LayerVersions"][0]["LayerVersionArn"] == f"{ARN}:2"


async def test_a_layer_that_never_was_has_no_versions(plane: Plane) -> None:
    assert await plane("ListLayerVersions", LayerName="nothing") == {"LayerVersions": []}


async def test_layers_are_listed_with_their_latest_version_in_pages(plane: Plane) -> None:
    for name in ("b", "a", "c", "a"):
        await publish(plane, name)
    await publish(plane, "hidden", account_id=STRANGER)
    first = await plane("ListLayers", MaxItems=2)
    assert [(each["LayerName"], each["LatestMatchingVersion"]["Version"]) for each in
            first["Layers"]] == [("a", 2), ("b", 1)]  # fmt: skip
    assert first["Layers"][0]["LayerArn"] == ARN.replace("tools", "a")
    second = await plane("ListLayers", Marker=first["NextMarker"])
    assert [each["LayerName"] for each in second["Layers"]] == ["c"]
    assert "NextMarker" not in second


async def test_filters_choose_the_latest_version_that_fits(plane: Plane) -> None:
    await publish(plane, CompatibleRuntimes=["python3.11"], CompatibleArchitectures=["arm64"])
    await publish(plane, CompatibleRuntimes=["python3.11"], CompatibleArchitectures=["x86_64"])
    await publish(plane)

    async def found(**filters: str) -> tuple[list[int], list[int]]:
        layers = (await plane("ListLayers", **filters))["Layers"]
        listed = await plane("ListLayerVersions", LayerName="tools", **filters)
        latest = [each["LatestMatchingVersion"]["Version"] for each in layers]
        return latest, [each["Version"] for each in listed["LayerVersions"]]

    assert await found() == ([3], [3, 2, 1])
    assert await found(CompatibleRuntime="python3.11") == ([2], [2, 1])
    assert await found(CompatibleRuntime="python3.11", CompatibleArchitecture="arm64") == ([1], [1])
    assert await found(CompatibleRuntime="python3.12") == ([], [])


@pytest.mark.parametrize(
    "content",
    [{}, {"ZipFile": b"no zip"}, {"ZipFile": b""}, {"S3Bucket": "bucket", "S3Key": "key"}],
)
async def test_content_that_is_none_is_refused_and_makes_no_version(
    plane: Plane, content: dict[str, Any]
) -> None:
    await refused(publish(plane, Content=content), "InvalidParameterValueException")
    assert (await plane("ListLayers"))["Layers"] == []
    assert (await publish(plane))["Version"] == 1


async def test_an_unknown_runtime_is_refused(plane: Plane) -> None:
    known = replace(plane, control=replace(plane.control, known_runtimes=["python3.11", "java8"]))
    rule = "Member must satisfy enum value set: [python3.11, java8]"
    await refused(
        publish(known, CompatibleRuntimes=["java8", "haskell"]),
        "ValidationException",
        "1 validation error detected: Value '[java8, haskell]' at 'compatibleRuntimes' failed to "
        f"satisfy constraint: Member must satisfy constraint: [{rule}]",
    )
    for operation in ("ListLayers", "ListLayerVersions"):
        await refused(
            known(operation, LayerName="tools", CompatibleRuntime="haskell"),
            "ValidationException",
            "1 validation error detected: Value 'haskell' at 'compatibleRuntime' failed to satisfy "
            f"constraint: {rule}",
        )


@pytest.mark.parametrize("operation", ["GetLayerVersion", "DeleteLayerVersion"])
@pytest.mark.parametrize("number", [0, -1])
async def test_a_number_below_one_is_refused(plane: Plane, operation: str, number: int) -> None:
    await refused(
        plane(operation, LayerName="tools", VersionNumber=number),
        "InvalidParameterValueException",
        "Layer Version Cannot be less than 1",
    )


async def test_what_is_not_there_is_not_found(plane: Plane) -> None:
    await publish(plane)
    await refused(plane("GetLayerVersion", LayerName="tools", VersionNumber=2), *NOT_FOUND)
    await refused(plane("GetLayerVersion", LayerName="other", VersionNumber=1), *NOT_FOUND)
    for arn in (f"{ARN}:2", "arn:aws:lambda:::awslayer:AmazonLinux1703"):
        await refused(plane("GetLayerVersionByArn", Arn=arn), *NOT_FOUND)


async def test_a_layer_of_another_region_is_not_found(plane: Plane) -> None:
    await publish(plane)
    answer = plane("GetLayerVersionByArn", region="us-east-1", Arn=f"{ARN}:1")
    await refused(
        answer,
        "ResourceNotFoundException",
        "Layers from 'eu-central-1' are not reachable in this region ('us-east-1')",
    )


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("PublishLayerVersion", {"Content": {"ZipFile": CONTENT}}),
        ("GetLayerVersion", {"VersionNumber": 1}),
        ("GetLayerVersion", {"VersionNumber": 2}),
        ("ListLayerVersions", {}),
        ("DeleteLayerVersion", {"VersionNumber": 1}),
    ],
)
async def test_a_layer_of_another_account_is_denied_whether_or_not_it_exists(
    plane: Plane, operation: str, request_: dict[str, Any]
) -> None:
    await publish(plane)
    error = await refused(
        plane(operation, account_id=STRANGER, LayerName=ARN, **request_), "AccessDeniedException"
    )
    assert f"not authorized to perform: lambda:{operation} on resource: {ARN}" in error.message
    assert (await plane("GetLayerVersion", LayerName="tools", VersionNumber=1))["Version"] == 1


async def test_an_arn_of_a_version_is_no_layer_name(plane: Plane) -> None:
    await refused(publish(plane, f"{ARN}:1"), "InvalidParameterValueException")


async def test_a_marker_that_is_none_is_refused(plane: Plane) -> None:
    for marker in ("x", "²", "9" * 5_000):
        await refused(
            plane("ListLayerVersions", LayerName="tools", Marker=marker),
            "InvalidParameterValueException",
        )


async def test_versions_published_at_once_have_numbers_of_their_own(plane: Plane) -> None:
    published = await asyncio.gather(*[publish(plane) for _ in range(5)])
    assert sorted(each["Version"] for each in published) == [1, 2, 3, 4, 5]


async def test_what_belongs_to_a_version_goes_with_it(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a kind that belongs to versions, and one of it for each of two versions
    monkeypatch.setattr(layers, "BELONGINGS", (Alias,))
    for _ in range(11):
        await publish(plane)
    kept, gone = (
        Alias(
            ACCOUNT,
            REGION,
            function_name="tools",
            name=f"{number}:x",
            function_version="",
            revision_id="",
        )
        for number in (11, 1)
    )
    await plane.control.resources.save(kept, gone)

    # When the first version is deleted
    await plane("DeleteLayerVersion", LayerName="tools", VersionNumber=1)

    # Then what belongs to the other is there still
    assert plane.control.resources.all(Alias) == (kept,)
