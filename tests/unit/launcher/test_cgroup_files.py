"""Reading, writing and removing in the file system of control groups."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdad.launcher import cgroup_files

Fork = Callable[[Callable[[], int | None]], int]


@pytest.mark.parametrize("name", ["e1", "a-b", "0", "x" * 64])
def test_names_of_sandboxes_are_names_of_groups(name: str) -> None:
    cgroup_files.check_name(name)


@pytest.mark.parametrize("name", ["", ".", "..", "../stranger", "a/b", "a.b", "x" * 65, "e1\n"])
def test_no_other_name_is(name: str) -> None:
    with pytest.raises(OSError, match="cannot be the name"):
        cgroup_files.check_name(name)


def test_counters_are_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "events").write_text("low 0\noom_kill 2\n")
    assert cgroup_files.counters(tmp_path / "events") == {"low": 0, "oom_kill": 2}


def test_no_program_inherits_what_is_opened(tmp_path: Path) -> None:
    (tmp_path / "knob").write_text("7")
    reading = cgroup_files.open_for_reading(tmp_path / "knob")
    writing = cgroup_files.open_for_writing(tmp_path / "knob")
    assert not os.get_inheritable(reading)
    assert not os.get_inheritable(writing)
    os.close(reading)
    os.close(writing)


def test_a_group_that_is_busy_for_a_moment_is_removed_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    busy = [OSError(16, "busy"), OSError(16, "busy")]
    rmdir = Path.rmdir

    def refuse_twice(path: Path) -> None:
        if busy:
            raise busy.pop()
        rmdir(path)

    monkeypatch.setattr(Path, "rmdir", refuse_twice)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    (tmp_path / "e1").mkdir()
    # When
    cgroup_files.remove(tmp_path / "e1")
    cgroup_files.remove(tmp_path / "e1")  # gone already
    # Then
    assert not (tmp_path / "e1").exists()


def test_a_tree_is_removed_with_all_who_run_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fork: Fork
) -> None:
    # Given processes in a group and in one below it, and one elsewhere
    monkeypatch.setattr(cgroup_files, "remove", remove_with_files)
    inner, outer, elsewhere = (fork(signal.pause) for _ in range(3))
    top = tmp_path / "lambdad-3"
    (top / "e1").mkdir(parents=True)
    (top / "cgroup.procs").write_text(f"{outer}\n0\n")  # 0: not of our PID namespace
    (top / "e1/cgroup.procs").write_text(f"{inner}\n")
    # When
    cgroup_files.remove_tree(top)
    # Then
    assert [os.waitpid(pid, 0)[1] for pid in (inner, outer)] == [signal.SIGKILL] * 2
    assert os.waitpid(elsewhere, os.WNOHANG) == (0, 0)
    assert not top.exists()


def test_who_is_frozen_in_version_1_thaws_to_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thawed: list[str] = []

    def look_and_remove(group: Path) -> None:
        thawed.append((group / "freezer.state").read_text())
        remove_with_files(group)

    monkeypatch.setattr(cgroup_files, "remove", look_and_remove)
    (tmp_path / "e1").mkdir()
    (tmp_path / "e1/cgroup.procs").touch()
    (tmp_path / "e1/freezer.state").write_text("FROZEN")
    cgroup_files.remove_tree(tmp_path / "e1")
    assert thawed == ["THAWED"]


def test_a_tree_that_is_not_there_needs_no_removing(tmp_path: Path) -> None:
    cgroup_files.remove_tree(tmp_path / "absent")


def remove_with_files(group: Path) -> None:
    """Unlike one of the kernel's, a directory with files in it is not empty."""
    for file in group.iterdir():
        file.unlink()
    group.rmdir()
