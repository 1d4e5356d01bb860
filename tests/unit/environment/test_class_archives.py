"""Which functions have an archive of their classes, and how long it stays."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest

from lambdad.environment.class_archives import FILE, SIZE, ClassArchives
from lambdad.environment.code import CodeStore
from lambdad.launcher.contract import Order
from lambdad.model.runtime import Interpreter
from lambdad.store.blobs import Blobs

DIGEST = "0123456789abcdef" * 4
CODE = f"{DIGEST}-python3.11"
ACCOUNT = "000000000000"
JAVA17 = Interpreter("java17", "17.0.15", "/usr/bin/java")


class NoLauncher:
    """One that nobody may ask for more than this."""

    orders: list[Order]

    def __init__(self) -> None:
        self.orders = []

    def start(self, order: Order, *more: Any) -> asyncio.Future[Any]:
        self.orders.append(order)
        started: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        started.set_exception(OSError("there is no sandbox"))
        return started

    def discard(self, environment_id: str) -> None:
        pass


@pytest.fixture
def launcher() -> NoLauncher:
    return NoLauncher()


@pytest.fixture
def archives(tmp_path: Path, launcher: NoLauncher) -> ClassArchives:
    store = CodeStore.open(tmp_path / "code", Blobs.open(tmp_path / "blobs"))
    (store.path(CODE) / "big").mkdir(parents=True)
    return ClassArchives(store, cast(Any, launcher))


async def settle(archives: ClassArchives) -> None:
    await asyncio.gather(*archives._making.values())


@pytest.mark.parametrize(
    ("code", "interpreter"),
    [
        ("", JAVA17),
        (CODE, Interpreter("java11", "11", "java")),
        (CODE, Interpreter("nodejs22.x", "22", "node")),
    ],
)
def test_live_code_and_other_languages_have_none(
    archives: ClassArchives, code: str, interpreter: Interpreter
) -> None:
    assert archives.find(code, "", interpreter, ACCOUNT) == ""
    assert not archives._making


async def test_a_small_package_has_none(archives: ClassArchives, launcher: NoLauncher) -> None:
    (archives.code.path(CODE) / "A.class").write_bytes(bytes(1000))
    assert archives.find(CODE, "", JAVA17, ACCOUNT) == ""
    await settle(archives)
    assert archives.find(CODE, "", JAVA17, ACCOUNT) == ""
    assert not launcher.orders


async def test_one_that_cannot_be_made_is_tried_once_and_told(
    archives: ClassArchives, launcher: NoLauncher, caplog: pytest.LogCaptureFixture
) -> None:
    # Given
    (archives.code.path(CODE) / "big/A.class").write_bytes(bytes(200_000))
    # When
    for _ in range(3):
        assert archives.find(CODE, "", JAVA17, ACCOUNT) == ""
        await settle(archives)
    # Then
    (order,) = launcher.orders
    assert (order.start, order.code, order.account_id) == ("archive", CODE, ACCOUNT)
    (told,) = caplog.messages
    assert "there is no sandbox" in told
    assert not list(archives.code.directory.glob("*-classes-*"))


async def test_it_is_found_while_it_is_whole_and_goes_with_the_code(
    archives: ClassArchives,
) -> None:
    # Given
    archives.find(CODE, "", JAVA17, ACCOUNT)
    (name,) = archives._making
    await settle(archives)
    archives._without.clear()
    tree = archives.code.path(name)
    tree.mkdir()
    (tree / FILE).write_bytes(bytes(5))
    (tree / SIZE).write_text("5")
    # Then
    assert archives.find(CODE, "", JAVA17, ACCOUNT) == name
    assert archives.find(CODE, "layers", JAVA17, ACCOUNT) == ""
    assert archives.find(CODE, "", JAVA17, "111111111111") == ""
    assert archives.code.digests() == {DIGEST}
    # When
    (tree / FILE).write_bytes(bytes(4))
    assert archives.find(CODE, "", JAVA17, ACCOUNT) == ""
    await settle(archives)
    archives.code.discard(DIGEST)
    assert not list(archives.code.directory.glob(f"{DIGEST}-*"))
