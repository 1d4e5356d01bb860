"""Code storage: what counts, what is refused, and what leaves the disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdad.services.lambda_ import code_removal
from lambdad.services.lambda_.code_removal import sweep
from lambdad.services.lambda_.code_storage import code_storage
from support.control_plane import ACCOUNT, REGION, Plane, make_zip, refused

FIRST = make_zip({"app.py": "first"})
SECOND = make_zip({"app.py": "the second one"})


def stored(plane: Plane) -> int:
    return code_storage(plane.control.resources, ACCOUNT, REGION)


async def update(plane: Plane, package: bytes, **more: Any) -> dict[str, Any]:
    answer = await plane("UpdateFunctionCode", FunctionName="echo", ZipFile=package, **more)
    await plane.control.changes.settle()
    return answer


async def test_every_version_counts_its_own_package(
    open_plane: Callable[[], Awaitable[Plane]],
) -> None:
    # Given
    plane = await open_plane()
    assert stored(plane) == 0
    # When, Then
    await plane.create(Code={"ZipFile": FIRST})
    assert stored(plane) == len(FIRST)
    await plane("PublishVersion", FunctionName="echo")
    assert stored(plane) == 2 * len(FIRST)
    await update(plane, SECOND, Publish=True)
    everything = len(FIRST) + 2 * len(SECOND)
    assert stored(plane) == everything
    # When others have theirs, and after a restart
    await plane.create("elsewhere", Code={"ZipFile": FIRST}, region="eu-west-1")
    again = await open_plane()
    assert stored(again) == everything
    # When some goes
    await again("DeleteFunction", FunctionName="echo", Qualifier="1")
    assert stored(again) == 2 * len(SECOND)
    await again("DeleteFunction", FunctionName="echo")
    assert stored(again) == 0


async def test_beyond_the_quota_nothing_is_stored(plane: Plane) -> None:
    # Given room for one package
    limited = replace(
        plane, control=replace(plane.control, code_storage=len(SECOND) + len(FIRST) - 1)
    )
    await limited.create(Code={"ZipFile": FIRST})
    # When, Then a second one is too much, in whatever way
    exceeded = "CodeStorageExceededException"
    await refused(limited.create("other", Code={"ZipFile": SECOND}), exceeded)
    await refused(update(limited, SECOND, Publish=True), exceeded)
    # And one that replaces the first is not
    await update(limited, SECOND)
    await refused(limited("PublishVersion", FunctionName="echo"), exceeded)
    assert stored(limited) == len(SECOND)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was just put is old."""
    monkeypatch.setattr(code_removal, "PUT_LATELY_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
async def test_code_that_nothing_has_goes_at_the_second_sweep(plane: Plane) -> None:
    # Given
    await plane.create(Code={"ZipFile": FIRST})
    (first,) = await plane.control.blobs.digests()
    assert await sweep(plane.control, frozenset()) == frozenset()
    await update(plane, SECOND)
    # When
    unused = await sweep(plane.control, frozenset())
    assert unused == {first}
    assert first in await plane.control.blobs.digests()
    await sweep(plane.control, unused)
    # Then
    assert first not in await plane.control.blobs.digests()
    assert plane.preparation.discarded == [first]
    assert await sweep(plane.control, unused) == frozenset()


@pytest.mark.usefixtures("at_once")
async def test_code_of_a_version_or_an_environment_or_a_change_stays(plane: Plane) -> None:
    # Given
    await plane.create(Code={"ZipFile": FIRST}, Publish=True)
    plane.preparation.gate.clear()
    await plane("UpdateFunctionCode", FunctionName="echo", ZipFile=SECOND)
    digests = set(await plane.control.blobs.digests())
    # When
    await sweep(plane.control, digests)
    # Then
    assert set(await plane.control.blobs.digests()) == digests
    plane.preparation.gate.set()
    await plane.control.changes.settle()
    # And when nothing has it but an environment
    await plane("DeleteFunction", FunctionName="echo")
    plane.invoker.used = digests
    await sweep(plane.control, digests)
    assert set(await plane.control.blobs.digests()) == digests
    plane.invoker.used = set()
    await sweep(plane.control, digests)
    assert await plane.control.blobs.digests() == []


async def test_code_that_was_put_lately_stays(plane: Plane) -> None:
    digest = await plane.control.blobs.put(FIRST)
    await sweep(plane.control, {digest})
    assert await plane.control.blobs.digests() == [digest]
