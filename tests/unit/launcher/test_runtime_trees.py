"""Runtime trees: made once, by whoever is first, and never seen unfinished."""

from __future__ import annotations

import errno
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lambdad.launcher import runtime_trees
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.runtime_trees import RuntimeTrees

INTERPRETER = Interpreter("python3.11", "3.11.7", sys.executable, sys.base_prefix)


@pytest.fixture
def trees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RuntimeTrees:
    """Trees with an SDK of one small package, and without the second that bytecode takes."""
    sdk = tmp_path / "site/tiny_sdk"
    sdk.mkdir(parents=True)
    (sdk / "__init__.py").write_text("A = 1\n")
    monkeypatch.setattr(runtime_trees, "_SDK", ("tiny_sdk", "absent_sdk"))
    monkeypatch.setattr(runtime_trees, "_compile", lambda interpreter, tree: None)
    monkeypatch.syspath_prepend(str(sdk.parent))
    return RuntimeTrees(tmp_path / "data/runtimes")


def unfinished(tree: Path) -> list[Path]:
    return list(tree.parent.glob(".unfinished-*"))


def test_a_tree_has_the_runtime_the_sdk_and_the_launchers_source(trees: RuntimeTrees) -> None:
    tree = trees.make(INTERPRETER)
    assert tree == trees.path(INTERPRETER)
    assert (tree / "runtime/bootstrap.py").is_file()
    assert (tree / "runtime/tiny_sdk/__init__.py").read_text() == "A = 1\n"
    assert (tree / "source/lambdad/launcher/zygote.py").is_file()
    assert (tree / "source/lambdad/launcher/seccomp.json").is_file()
    assert tree.stat().st_mode & 0o777 == 0o755


def test_a_tree_is_made_once(trees: RuntimeTrees) -> None:
    tree = trees.make(INTERPRETER)
    (tree / "proof").touch()
    assert trees.make(INTERPRETER) == tree
    assert (tree / "proof").exists()


def test_several_at_once_agree_on_one_tree(trees: RuntimeTrees) -> None:
    with ThreadPoolExecutor(3) as threads:
        made = set(threads.map(lambda _: trees.make(INTERPRETER), range(3)))
    (tree,) = made
    assert (tree / "runtime/bootstrap.py").is_file()
    assert unfinished(tree) == []


def test_another_interpreter_and_another_sdk_have_another_tree(
    trees: RuntimeTrees, tmp_path: Path
) -> None:
    paths = {trees.path(INTERPRETER)}
    paths.add(trees.path(Interpreter("python3.11", "3.11.8", sys.executable, sys.base_prefix)))
    (tmp_path / "site/tiny_sdk/new.py").touch()  # changes the package's directory
    paths.add(trees.path(INTERPRETER))
    assert len(paths) == 3


def test_another_list_of_system_calls_has_another_tree(
    trees: RuntimeTrees, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lambdad"
    lists = package / "launcher/seccomp.json"
    lists.parent.mkdir(parents=True)
    lists.touch()
    monkeypatch.setattr(trees, "_package", package)
    before = trees.path(INTERPRETER)
    os.utime(lists, (0, 0))
    assert trees.path(INTERPRETER) != before


def test_what_a_killed_server_was_making_is_removed(trees: RuntimeTrees) -> None:
    tree = trees.make(INTERPRETER)
    left = tree.parent / ".unfinished-abc/runtime"
    left.mkdir(parents=True)
    trees.remove_unfinished()
    assert unfinished(tree) == []
    assert tree.exists()


def test_a_full_disk_surfaces_and_leaves_nothing(
    trees: RuntimeTrees, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(interpreter: Interpreter, tree: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(runtime_trees, "_compile", fail)
    with pytest.raises(OSError, match="No space left"):
        trees.make(INTERPRETER)
    assert not trees.path(INTERPRETER).exists()
    assert unfinished(trees.path(INTERPRETER)) == []
