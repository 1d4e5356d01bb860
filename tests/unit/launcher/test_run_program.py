"""A runtime that is a program of its own, and the wrapper in front of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdad.launcher import entering
from lambdad.launcher.process_child import _relocate

Fork = Callable[[Callable[[], int | None]], int]
TELL = "import os; print('told', os.environ.get('X'))"


@pytest.fixture
def run_program(fork: Fork, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Run a bootstrap that tells, behind the wrapper of this text and mode."""
    (tmp_path / "bootstrap.py").write_text(TELL)

    def run_program(wrapper: str | None, mode: int = 0o755) -> tuple[int, str]:
        if wrapper is not None:
            (tmp_path / "wrapper").write_text(wrapper)
            (tmp_path / "wrapper").chmod(mode)
        variables = {"LAMBDA_TASK_ROOT": str(tmp_path), "AWS_LAMBDA_EXEC_WRAPPER": "./wrapper"}
        reading, writing = os.pipe()

        def child() -> None:
            entering.take_output(writing)
            entering.run_program(variables, [sys.executable, str(tmp_path / "bootstrap.py")])

        pid = fork(child)
        os.close(writing)
        with open(reading) as output:
            said = output.read()
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said

    return run_program


@pytest.mark.parametrize("first_line", ["#!/bin/sh\n", ""])
def test_a_wrapper_gets_the_command_line(
    run_program: Callable[..., tuple[int, str]], first_line: str
) -> None:
    assert run_program(first_line + 'export X=1\nexec "$@"\n') == (0, "told 1\n")


@pytest.mark.parametrize(
    ("wrapper", "mode", "status", "sentence"),
    [
        (None, 0o755, 127, "./wrapper: does not exist\n"),
        ("#!/no/shell\n", 0o755, 126, "./wrapper: cannot be run: No such file or directory\n"),
        ("\0", 0o755, 126, "./wrapper: cannot be run: Exec format error\n"),
        ("#!/bin/sh\n", 0o644, 126, "./wrapper: is not an executable\n"),
    ],
)
def test_a_wrapper_that_cannot_be_run_is_told(
    run_program: Callable[..., tuple[int, str]],
    wrapper: str | None,
    mode: int,
    status: int,
    sentence: str,
) -> None:
    assert run_program(wrapper, mode) == (status, sentence)


def test_paths_of_aws_are_moved_and_others_are_not() -> None:
    variables = {
        "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper",
        "LD_PRELOAD": "/var/task/a.so /lib/b.so:/var/task/c.so",
        "PYTHONPATH": "/var/runtime:/var/task:/var/tasks:/x/var/task",
        "PATH": "",
        "MINE": "/var/task",
    }
    _relocate(variables, {"/var/task": "/code", "/var/runtime": "/tree"})
    assert variables == {
        "AWS_LAMBDA_EXEC_WRAPPER": "/code/wrapper",
        "LD_PRELOAD": "/code/a.so /lib/b.so:/code/c.so",
        "PYTHONPATH": "/tree:/code:/var/tasks:/x/var/task",
        "PATH": "",
        "MINE": "/var/task",
    }
