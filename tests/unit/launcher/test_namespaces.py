"""The code store of the `namespaces` sandboxes: nothing leads out of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lambdad.launcher import syscalls
from lambdad.launcher.namespaces import Namespaces

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Linux only")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "code"
    (store / "tree").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (store / "link").symlink_to(tmp_path / "secret")
    (store / "tree/link").symlink_to("/etc")
    return store


def open_beneath(store: Path, name: str) -> str:
    directory = os.open(store, os.O_PATH)
    try:
        found = syscalls.open_beneath(directory, name)
        try:
            return os.readlink(f"/proc/self/fd/{found}")
        finally:
            os.close(found)
    finally:
        os.close(directory)


def test_a_tree_of_the_store_is_found(store: Path) -> None:
    assert open_beneath(store, "tree") == str(store / "tree")


@pytest.mark.parametrize(
    "name",
    ["..", "../secret", "/etc", "link", "tree/link", "tree/../../secret", "absent", ""],
)
def test_nothing_else_is(store: Path, name: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - one of several reasons
        open_beneath(store, name)


def test_a_store_that_is_a_link_is_refused(store: Path, tmp_path: Path) -> None:
    """The node owns the directory in which its store stands, and could put a link there."""
    link = tmp_path / "elsewhere"
    link.symlink_to(tmp_path / "secret")
    nothing: Any = None
    with pytest.raises(OSError):  # noqa: PT011
        Namespaces(
            ground=nothing,
            interpreters={},
            trees=nothing,
            code_directory=link,
            root=tmp_path / "root",
            languages={},
            pool_mb=0,
            host=nothing,
        )
