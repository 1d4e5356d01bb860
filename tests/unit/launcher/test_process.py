"""The launcher's side of the `process` sandbox, where the machine does not play along."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambdad.launcher.contract import Order
from lambdad.launcher.host_directories import HostDirectories
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.loop import Loop
from lambdad.launcher.process import Processes

Until = Callable[[Callable[[], object]], None]
INTERPRETER = Interpreter("python3.11", "3.11.7", sys.executable, sys.base_prefix)
ORDER = Order("e1", "python3.11", "000000000000", "code", 128, 512)


class BrokenTrees:
    def make(self, interpreter: Interpreter) -> Path:
        raise subprocess.CalledProcessError(-11, "compileall")


def make_processes(loop: Loop, directory: Path) -> Processes:
    trees: Any = BrokenTrees()
    return Processes(
        loop=loop,
        user_ids=None,
        interpreters={"python3.11": INTERPRETER},
        languages={},
        trees=trees,
        code_directory=directory / "code",
        temporary_directory=directory / "sandboxes",
        directories=HostDirectories(),
    )


def test_a_runtime_that_is_not_here_is_said(loop: Loop, tmp_path: Path) -> None:
    problems: list[str | None] = []
    processes = make_processes(loop, tmp_path)
    processes.prepare("python3.9", "0", 128, problems.append)
    assert problems == ["python3.9 is not on this machine"]
    with pytest.raises(OSError, match="is not on this machine"):
        processes.start(replace(ORDER, runtime="python3.9"), 0, 1, lambda how: None)


def test_a_tree_that_cannot_be_made_is_told_to_who_prepares(
    loop: Loop, until: Until, tmp_path: Path
) -> None:
    problems: list[str | None] = []
    make_processes(loop, tmp_path).prepare("python3.11", "0", 128, problems.append)
    assert problems == [], "nobody else may wait for a compiler"
    until(lambda: problems)
    (problem,) = problems
    assert problem is not None
    assert "compileall" in problem


def test_a_tree_that_cannot_be_made_is_the_machines_refusal_to_start(
    loop: Loop, tmp_path: Path
) -> None:
    """The contract knows OSError alone; everything else would end the launcher."""
    with pytest.raises(OSError):  # noqa: PT011
        make_processes(loop, tmp_path).start(ORDER, 0, 1, lambda how: None)
    assert list((tmp_path / "sandboxes").iterdir()) == []


def test_what_a_killed_server_left_is_removed(loop: Loop, tmp_path: Path) -> None:
    (tmp_path / "sandboxes/tmpabc/deep").mkdir(parents=True)
    make_processes(loop, tmp_path)
    assert list((tmp_path / "sandboxes").iterdir()) == []


@pytest.mark.slow
def test_leftovers_of_any_depth_do_not_end_the_launcher(loop: Loop, tmp_path: Path) -> None:
    # Given a tree that a function has made
    top = tmp_path / "sandboxes"
    top.mkdir()
    directory = os.open(top, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=directory)
        below = os.open("d", os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(directory)
    # When, Then
    try:
        make_processes(loop, tmp_path)
    finally:
        subprocess.run(["/bin/rm", "-rf", str(top)], check=True)
