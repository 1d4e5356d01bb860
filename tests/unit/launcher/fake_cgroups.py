"""Directories that look like the kernel's file system of control groups."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lambdad.launcher import cgroup_files, cgroup_search
from lambdad.launcher.contract import Gauges

MB = 1024 * 1024
HIERARCHIES = ("memory", "cpu", "pids")


def let_groups_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unlike one of the kernel's, a directory with files in it is not empty."""
    monkeypatch.setattr(cgroup_files, "remove", lambda group: shutil.rmtree(group, True))


def make_version1(root: Path, monkeypatch: pytest.MonkeyPatch, unified: Path | None = None) -> Path:
    """The hierarchies of version 1, with version 2's at `unified`, where this machine's own must
    not be found."""
    let_groups_be_removed(monkeypatch)
    monkeypatch.setattr(cgroup_search, "mount_of_version2", lambda: unified)
    for controller in HIERARCHIES:
        add_hierarchy(root, controller)
    return root


def add_hierarchy(root: Path, controller: str) -> None:
    (root / controller).mkdir()
    (root / controller / "tasks").touch()


def place(root: Path, controller: str, name: str = "lambdad-0") -> Path:
    """Where the groups of a server stand: below the group in which this process is."""
    return root / controller / cgroup_files.own_path(controller) / name


def make_version2(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    let_groups_be_removed(monkeypatch)
    (root / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    return root


def fill(directory: Path, **files: object) -> None:
    """Write `memory_max=1` to the file memory.max."""
    for name, content in files.items():
        (directory / name.replace("_", ".", 1)).write_text(str(content))


def set_gauge(gauges: Gauges, name: str, text: str) -> None:
    os.pwrite(gauges.descriptors[name], gauges.texts[text].encode(), 0)


def read_gauge(gauges: Gauges, name: str) -> int:
    return int(os.pread(gauges.descriptors[name], 100, 0))


def close(gauges: Gauges) -> None:
    for descriptor in gauges.descriptors.values():
        assert not os.get_inheritable(descriptor)
        os.close(descriptor)
