"""Versions: immutable, numbered, published once for each content."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lambdad.model.function import Function
from support.control_plane import ACCOUNT, REGION, Plane, creation, make_zip, refused

OpenPlane = Callable[[], Awaitable[Plane]]


async def test_a_published_version_keeps_what_latest_was(plane: Plane) -> None:
    # Given
    await plane.create("echo", Timeout=5)
    published = await plane("PublishVersion", FunctionName="echo", Description="first")
    # When
    await plane.update(Timeout=9)
    # Then
    assert published["Version"] == "1"
    assert published["FunctionArn"].endswith(":function:echo:1")
    assert published["State"] == "Active"
    found = await plane("GetFunctionConfiguration", FunctionName="echo", Qualifier="1")
    assert (found["Timeout"], found["Description"]) == (5, "first")
    latest = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert (latest["Timeout"], latest["Description"]) == (9, "")


async def test_publishing_what_has_not_changed_answers_with_the_last_version(plane: Plane) -> None:
    await plane.create("echo")
    first = await plane("PublishVersion", FunctionName="echo")
    assert await plane("PublishVersion", FunctionName="echo", Description="x") == first

    await plane.update(Timeout=9)
    second = await plane("PublishVersion", FunctionName="echo")
    assert second["Version"] == "2"
    assert second["RevisionId"] != first["RevisionId"]


async def test_numbers_are_never_used_again(plane: Plane) -> None:
    await plane.create("echo")
    await plane("PublishVersion", FunctionName="echo")
    await plane("DeleteFunction", FunctionName="echo", Qualifier="1")
    assert (await plane("PublishVersion", FunctionName="echo"))["Version"] == "2"
    await refused(
        plane("GetFunction", FunctionName="echo:1"),
        "ResourceNotFoundException",
        "Function not found: arn:aws:lambda:eu-central-1:123456789012:function:echo:1",
    )


async def test_guards_refuse_other_code_and_another_revision(plane: Plane) -> None:
    created = await plane.create("echo")
    code, revision = created["CodeSha256"], created["RevisionId"]
    await refused(
        plane("PublishVersion", FunctionName="echo", CodeSha256="other"),
        "InvalidParameterValueException",
        f"CodeSHA256 (other) is different from current CodeSHA256 in $LATEST ({code}). Please "
        "try again with the CodeSHA256 in $LATEST.",
    )
    await refused(
        plane("PublishVersion", FunctionName="echo", RevisionId="other"),
        "PreconditionFailedException",
    )
    answer = await plane(
        "PublishVersion", FunctionName="echo", CodeSha256=code, RevisionId=revision
    )
    assert answer["Version"] == "1"


async def test_a_version_published_at_creation_is_pending_until_the_function_is_active(
    plane: Plane,
) -> None:
    # Given
    plane.preparation.gate.clear()
    created = await plane("CreateFunction", **creation("echo", Publish=True))
    assert (created["Version"], created["State"]) == ("1", "Pending")
    # When
    plane.preparation.gate.set()
    await plane.control.changes.settle()
    # Then
    found = await plane("GetFunctionConfiguration", FunctionName="echo", Qualifier="1")
    assert (found["State"], found["LastUpdateStatus"]) == ("Active", "Successful")


async def test_a_version_published_with_code_that_fails_has_failed(plane: Plane) -> None:
    await plane.create("echo")
    plane.preparation.failure = OSError("no")
    answer = await plane(
        "UpdateFunctionCode", FunctionName="echo", ZipFile=make_zip({"app.py": "x"}), Publish=True
    )
    await plane.control.changes.settle()
    found = await plane(
        "GetFunctionConfiguration", FunctionName="echo", Qualifier=answer["Version"]
    )
    assert found["State"] == "Failed"
    latest = await plane("GetFunctionConfiguration", FunctionName="echo")
    assert (latest["State"], latest["LastUpdateStatus"]) == ("Active", "Failed")


async def test_publishing_the_same_code_again_by_an_update_makes_no_version(plane: Plane) -> None:
    await plane.create("echo", Publish=True)
    answer = await plane(
        "UpdateFunctionCode",
        FunctionName="echo",
        ZipFile=creation("echo")["Code"]["ZipFile"],
        Publish=True,
    )
    await plane.control.changes.settle()
    assert answer["Version"] == "1"
    listed = await plane("ListVersionsByFunction", FunctionName="echo")
    assert [each["Version"] for each in listed["Versions"]] == ["$LATEST", "1"]


async def test_versions_are_listed_by_number_in_pages(plane: Plane) -> None:
    await plane.create("echo")
    for timeout in range(1, 13):
        await plane.update(Timeout=timeout)
        await plane("PublishVersion", FunctionName="echo")
    pages, marker = [], {}
    while True:
        page = await plane("ListVersionsByFunction", FunctionName="echo", MaxItems=5, **marker)
        pages.append([each["Version"] for each in page["Versions"]])
        if "NextMarker" not in page:
            break
        marker = {"Marker": page["NextMarker"]}
    assert pages == [
        ["$LATEST", "1", "2", "3", "4"],
        ["5", "6", "7", "8", "9"],
        ["10", "11", "12"],
    ]
    every = await plane("ListFunctions", FunctionVersion="ALL", MaxItems=7)
    rest = await plane("ListFunctions", FunctionVersion="ALL", Marker=every["NextMarker"])
    found = [each["Version"] for each in every["Functions"] + rest["Functions"]]
    assert found == ["$LATEST", *map(str, range(1, 13))]
    assert every["Functions"][1]["FunctionArn"].endswith(":function:echo:1")


async def test_a_version_that_an_alias_points_to_cannot_be_deleted(plane: Plane) -> None:
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    await refused(
        plane("DeleteFunction", FunctionName="echo", Qualifier="1"),
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [live]",
    )


@pytest.mark.parametrize(
    ("qualifier", "message"),
    [
        ("$LATEST", "$LATEST version cannot be deleted without deleting the function."),
        ("live", "Deletion of aliases is not currently supported."),
    ],
)
async def test_neither_latest_nor_an_alias_is_deleted_as_a_version(
    plane: Plane, qualifier: str, message: str
) -> None:
    await plane.create("echo", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    await refused(
        plane("DeleteFunction", FunctionName="echo", Qualifier=qualifier),
        "InvalidParameterValueException",
        message,
    )


async def test_a_deleted_function_takes_versions_and_aliases_with_it(plane: Plane) -> None:
    await plane.create("echo", Publish=True)
    await plane.create("echo-2", Publish=True)
    await plane("CreateAlias", FunctionName="echo", Name="live", FunctionVersion="1")
    await plane("DeleteFunction", FunctionName="echo")
    await plane.create("echo")
    listed = await plane("ListVersionsByFunction", FunctionName="echo")
    assert [each["Version"] for each in listed["Versions"]] == ["$LATEST"]
    assert (await plane("ListAliases", FunctionName="echo"))["Aliases"] == []
    assert len((await plane("ListVersionsByFunction", FunctionName="echo-2"))["Versions"]) == 2


async def test_versions_are_there_after_a_restart(plane: Plane, open_plane: OpenPlane) -> None:
    await plane.create("echo", Publish=True)
    again = await open_plane()
    assert again.control.resources.find(Function, ACCOUNT, REGION, "echo").last_version == 1
    found = await again("GetFunctionConfiguration", FunctionName="echo:1")
    assert found["Version"] == "1"


async def test_latest_published_serves_until_the_next_one_has_taken_effect(plane: Plane) -> None:
    # Given
    await plane.create("echo", PublishTo="LATEST_PUBLISHED", Timeout=1)
    qualified = {"FunctionName": "echo", "Qualifier": "$LATEST.PUBLISHED"}
    assert (await plane("GetFunctionConfiguration", **qualified))["State"] == "Active"
    # When
    plane.preparation.gate.clear()
    package = make_zip({"app.py": "x"})
    update = {"FunctionName": "echo", "ZipFile": package, "PublishTo": "LATEST_PUBLISHED"}
    answer = await plane("UpdateFunctionCode", **update)
    assert (answer["Version"], answer["State"]) == ("$LATEST.PUBLISHED", "Pending")
    await plane("Invoke", **qualified, Payload=b"{}")
    old = plane.invoker.invoked[-1][0]
    # Then
    plane.preparation.gate.set()
    await plane.control.changes.settle()
    await plane("Invoke", **qualified, Payload=b"{}")
    new = plane.invoker.invoked[-1][0]
    assert old.code != new.code
    assert (old.version, new.version) == ("$LATEST.PUBLISHED",) * 2
    assert (("123456789012", "eu-central-1", "echo"), "$LATEST.PUBLISHED") in plane.invoker.retired
    # And when a change fails, what served goes on serving
    plane.preparation.failure = OSError("no")
    await plane("UpdateFunctionCode", **{**update, "ZipFile": make_zip({"app.py": "y"})})
    await plane.control.changes.settle()
    assert (await plane("GetFunctionConfiguration", **qualified))["State"] == "Active"


async def test_a_marker_that_is_no_version_is_refused(plane: Plane) -> None:
    await plane.create("echo")
    for marker in ("x", "9" * 5000, "-1"):
        await refused(
            plane("ListVersionsByFunction", FunctionName="echo", Marker=marker),
            "InvalidParameterValueException",
        )


async def test_content_whose_version_failed_is_published_anew(plane: Plane) -> None:
    # Given a version that failed for a reason that is over
    plane.preparation.failure = OSError("no room")
    await plane.create("echo", Publish=True)
    plane.preparation.failure = None
    package = creation("echo")["Code"]["ZipFile"]
    # When
    answer = await plane("UpdateFunctionCode", FunctionName="echo", ZipFile=package, Publish=True)
    await plane.control.changes.settle()
    # Then
    assert answer["Version"] == "2"
    found = await plane("GetFunctionConfiguration", FunctionName="echo:2")
    assert found["State"] == "Active"


async def test_latest_published_is_not_deleted_while_it_is_on_its_way(plane: Plane) -> None:
    await plane.create("echo")
    plane.preparation.gate.clear()
    package = make_zip({"app.py": "x"})
    update = {"FunctionName": "echo", "ZipFile": package, "PublishTo": "LATEST_PUBLISHED"}
    await plane("UpdateFunctionCode", **update)
    named = {"FunctionName": "echo", "Qualifier": "$LATEST.PUBLISHED"}
    await refused(plane("DeleteFunction", **named), "ResourceConflictException")
    plane.preparation.gate.set()
    await plane.control.changes.settle()
    await plane("DeleteFunction", **named)
    await refused(plane("GetFunction", **named), "ResourceNotFoundException")


async def test_a_function_whose_change_waits_for_room_can_be_deleted(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a disk that is full whenever something is saved
    await plane.create("echo")
    resources = plane.control.resources
    save = resources.save
    tried = asyncio.Event()

    async def save_unless_full(*saved: Any, deleted: Any = ()) -> None:
        if saved and saved[0].pending is None:
            tried.set()
            raise OSError(28, "No space left on device")
        await save(*saved, deleted=deleted)

    monkeypatch.setattr(resources, "save", save_unless_full)
    await plane("UpdateFunctionConfiguration", FunctionName="echo", Timeout=9)
    await tried.wait()
    # When, then
    async with asyncio.timeout(5):
        await plane("DeleteFunction", FunctionName="echo")
    await plane.control.changes.stop()
