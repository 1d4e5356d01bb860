"""`$LATEST.PUBLISHED`: the version that managed instances run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from support.control_plane import Plane, make_zip, refused

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:echo"
PUBLISHED = "$LATEST.PUBLISHED"


async def test_it_is_found_invoked_and_listed(
    open_plane: Callable[[], Awaitable[Plane]],
) -> None:
    # Given
    plane = await open_plane()
    await plane.create(PublishTo="LATEST_PUBLISHED", Timeout=1)
    # When $LATEST changes
    await plane.update(Timeout=2)
    plane = await open_plane()
    # Then the published one stays as it was
    found = await plane("GetFunctionConfiguration", FunctionName="echo", Qualifier=PUBLISHED)
    assert (found["Version"], found["Timeout"], found["State"]) == (PUBLISHED, 1, "Active")
    assert found["FunctionArn"] == f"{ARN}:{PUBLISHED}"
    answer = await plane("Invoke", FunctionName=f"echo:{PUBLISHED}", Payload=b"{}")
    assert answer["ExecutedVersion"] == PUBLISHED
    listed = await plane("ListVersionsByFunction", FunctionName="echo")
    assert [each["Version"] for each in listed["Versions"]] == ["$LATEST", PUBLISHED]


async def test_new_code_published_there_replaces_it(plane: Plane) -> None:
    # Given
    await plane.create(PublishTo="LATEST_PUBLISHED")
    before = await plane("GetFunctionConfiguration", FunctionName="echo", Qualifier=PUBLISHED)
    # When
    package = make_zip({"app.py": "def handler(event, context): return 2"})
    await plane(
        "UpdateFunctionCode", FunctionName="echo", ZipFile=package, PublishTo="LATEST_PUBLISHED"
    )
    await plane.control.changes.settle()
    # Then
    after = await plane("GetFunctionConfiguration", FunctionName="echo", Qualifier=PUBLISHED)
    assert after["CodeSha256"] != before["CodeSha256"]
    assert after["State"] == "Active"


async def test_publishing_to_it_leaves_no_number(plane: Plane) -> None:
    await plane.create()
    answer = await plane("PublishVersion", FunctionName="echo", PublishTo="LATEST_PUBLISHED")
    assert answer["Version"] == PUBLISHED
    listed = await plane("ListVersionsByFunction", FunctionName="echo")
    assert [each["Version"] for each in listed["Versions"]] == ["$LATEST", PUBLISHED]
    # And it can be deleted as a version
    await plane("DeleteFunction", FunctionName="echo", Qualifier=PUBLISHED)
    call = plane("GetFunctionConfiguration", FunctionName="echo", Qualifier=PUBLISHED)
    await refused(call, "ResourceNotFoundException")
