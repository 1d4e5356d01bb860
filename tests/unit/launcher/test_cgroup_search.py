"""Which control groups a machine offers, told from its file system."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_cgroups import make_version1, make_version2

from lambdad.launcher import cgroup_search
from lambdad.launcher.cgroup_files import own_path
from lambdad.launcher.cgroup_search import find_cgroups, find_delegated_cgroups
from lambdad.launcher.cgroups_v1 import Version1
from lambdad.launcher.cgroups_v2 import Version2
from lambdad.launcher.no_cgroups import NoCgroups


def test_version_2_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = find_cgroups("7", make_version2(tmp_path, monkeypatch))
    assert isinstance(made, Version2)
    assert (tmp_path / "lambdad-7").is_dir()


def test_version_1_is_taken_where_its_controllers_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(find_cgroups("7", make_version1(tmp_path, monkeypatch)), Version1)


@pytest.mark.parametrize("absent", ["memory", "cpu", "pids"])
def test_version_1_is_not_taken_without_one_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    make_version1(tmp_path, monkeypatch)
    (tmp_path / absent / "tasks").unlink()
    with pytest.raises(OSError, match="no cgroup hierarchy"):
        find_cgroups("0", tmp_path)


def test_missing_controllers_are_named(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu io\n")
    with pytest.raises(OSError, match="memory, pids are not available"):
        find_cgroups("0", tmp_path)


def test_a_machine_without_cgroups_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no cgroup hierarchy"):
        find_cgroups("0", tmp_path)


def test_what_another_namespace_shows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could enter a group there."""
    make_version2(tmp_path, monkeypatch)
    monkeypatch.setattr(cgroup_search, "_is_of_another_namespace", lambda top: True)
    with pytest.raises(OSError, match="--cgroupns=host"):
        find_cgroups("0", tmp_path)


# An ordinary user


def test_a_user_has_the_group_that_was_delegated_to_him(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / own_path("")
    own.mkdir(exist_ok=True, parents=True)
    make_version2(own, monkeypatch)
    (own / "cgroup.subtree_control").touch()
    assert isinstance(find_delegated_cgroups("7", tmp_path), Version2)
    assert (own / "lambdad-7").is_dir()


@pytest.mark.parametrize("controllers", [None, "cpu io\n"])
def test_a_user_without_one_has_none(tmp_path: Path, controllers: str | None) -> None:
    own = tmp_path / own_path("")
    own.mkdir(exist_ok=True, parents=True)
    if controllers is not None:
        (own / "cgroup.controllers").write_text(controllers)
        (own / "cgroup.subtree_control").touch()
    assert isinstance(find_delegated_cgroups("7", tmp_path), NoCgroups)
    assert not (own / "lambdad-7").exists()


def test_a_user_who_may_not_write_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_version2(tmp_path / own_path(""), monkeypatch)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert isinstance(find_delegated_cgroups("7", tmp_path), NoCgroups)
