"""Control groups of version 1, on directories that look like the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_cgroups import (
    HIERARCHIES,
    MB,
    add_hierarchy,
    close,
    fill,
    make_version1,
    place,
    read_gauge,
    set_gauge,
)

from lambdad.launcher.cgroup_search import find_cgroups
from lambdad.launcher.cgroups import CPU_PERIOD_US, Cgroup, Limits


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_version1(tmp_path, monkeypatch)


@pytest.fixture
def group(root: Path) -> Cgroup:
    group = find_cgroups("0", root).create("e1")
    fill(in_memory(root), memory_max_usage_in_bytes=3 * MB, memory_usage_in_bytes=2 * MB)
    return group


def in_memory(root: Path) -> Path:
    return place(root, "memory") / "e1"


def test_a_group_stands_in_every_hierarchy(root: Path, group: Cgroup) -> None:
    assert all((place(root, controller) / "e1").is_dir() for controller in HIERARCHIES)
    assert (place(root, "pids") / "e1/pids.max").read_text() == "1024"
    assert (place(root, "cpu") / "e1/cpu.cfs_period_us").read_text() == str(CPU_PERIOD_US)
    group.remove()
    assert not any((place(root, controller) / "e1").exists() for controller in HIERARCHIES)


@pytest.mark.parametrize("has_swap", [True, False])
def test_memory_and_tmp_are_limited_together(root: Path, group: Cgroup, has_swap: bool) -> None:
    if has_swap:
        (in_memory(root) / "memory.memsw.limit_in_bytes").touch()
    group.limit(Limits(128, 512))
    limit = str(640 * MB)
    assert (in_memory(root) / "memory.limit_in_bytes").read_text() == limit
    with_swap = in_memory(root) / "memory.memsw.limit_in_bytes"
    assert with_swap.exists() == has_swap
    assert not has_swap or with_swap.read_text() == limit


def test_it_is_entered_through_one_file_of_each_hierarchy(root: Path, group: Cgroup) -> None:
    for controller in HIERARCHIES:
        (place(root, controller) / "e1/cgroup.procs").touch()
    for entrance in group.open_entrances():
        assert not os.get_inheritable(entrance)
        os.write(entrance, b"0")
        os.close(entrance)
    entered = [(place(root, c) / "e1/cgroup.procs").read_text() for c in HIERARCHIES]
    assert entered == ["0", "0", "0"]


def test_the_cpu_is_limited_when_the_gauge_says_so(root: Path, group: Cgroup) -> None:
    quota = place(root, "cpu") / "e1/cpu.cfs_quota_us"
    gauges = group.open_gauges(Limits(1769))
    assert quota.read_text() == "-1"
    set_gauge(gauges, "cpu_quota", "cpu_quota")
    assert quota.read_text() == "20000"
    close(gauges)


def test_the_peak_of_memory_is_read_and_forgotten(root: Path, group: Cgroup) -> None:
    gauges = group.open_gauges(Limits(128))
    assert group.memory_peak() == read_gauge(gauges, "memory_peak") == 3 * MB
    group.forget_memory_peak()
    assert group.memory_peak() == 0
    close(gauges)


@pytest.mark.parametrize(
    ("usage", "cache", "shmem", "tmp", "in_use"),
    [
        (100, 0, 0, 0, 100),
        (100, 60, 0, 0, 40),  # the cache of files
        (100, 60, 50, 50, 40),  # all that is shared lies in /tmp
        (100, 60, 50, 20, 70),  # some of it does
        (100, 60, 50, 0, 90),  # none of it does
        (100, 60, 20, 50, 40),  # /tmp holds what an earlier run was charged for
    ],
)
def test_memory_in_use_is_without_files(
    root: Path, group: Cgroup, usage: int, cache: int, shmem: int, tmp: int, in_use: int
) -> None:
    fill(in_memory(root), memory_usage_in_bytes=usage * MB)
    fill(in_memory(root), memory_stat=f"cache {cache * MB}\nrss 1\nshmem {shmem * MB}\n")
    assert group.memory_in_use(tmp * MB) == in_use * MB


def test_shared_memory_that_is_not_told_is_none(root: Path, group: Cgroup) -> None:
    fill(in_memory(root), memory_usage_in_bytes=9, memory_stat="cache 2\n")
    assert group.memory_in_use(1) == 7


def test_the_kills_are_those_of_this_group(root: Path, group: Cgroup) -> None:
    fill(in_memory(root), memory_oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert group.out_of_memory_kills() == 3
    fill(in_memory(root), memory_oom_control="oom_kill_disable 0\nunder_oom 0\n")
    assert group.out_of_memory_kills() == 0


def test_a_group_that_cannot_be_made_whole_leaves_nothing(root: Path) -> None:
    """The sandbox contract: OSError, and nothing is left."""
    made = find_cgroups("0", root)
    place(root, "pids").rmdir()  # so that the last of the three cannot be made
    with pytest.raises(OSError, match="pids"):
        made.create("e1")
    assert not any((place(root, controller) / "e1").exists() for controller in HIERARCHIES)


def test_a_name_cannot_lead_out_of_the_servers_own_groups(root: Path) -> None:
    made = find_cgroups("0", root)
    with pytest.raises(OSError, match="cannot be the name"):
        made.create("../stranger")
    assert list(root.rglob("stranger")) == []


# Freezing


def test_where_nothing_can_freeze_there_is_no_freezer(group: Cgroup) -> None:
    gauges = group.open_gauges(Limits(128))
    assert set(gauges.descriptors) == {"memory_peak", "cpu_quota"}
    assert set(gauges.texts) == {"cpu_quota"}
    close(gauges)
    group.thaw()


def test_the_freezer_of_version_1_freezes(root: Path) -> None:
    # Given
    add_hierarchy(root, "freezer")
    group = find_cgroups("0", root).create("e1")
    fill(in_memory(root), memory_max_usage_in_bytes=0)
    state = place(root, "freezer") / "e1/freezer.state"
    state.write_text("THAWED")
    # When
    gauges = group.open_gauges(Limits(128))
    set_gauge(gauges, "freezer", "frozen")
    # Then
    assert state.read_text() == "FROZEN"
    set_gauge(gauges, "freezer", "thawed")
    assert state.read_text() == "THAWED"
    set_gauge(gauges, "freezer", "frozen")
    group.thaw()
    assert state.read_text() == "THAWED"
    close(gauges)
    group.remove()
    assert not state.parent.exists()


@pytest.fixture
def hybrid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Version 2's file system beside the others, with the group of a server that was killed."""
    unified = tmp_path / "unified"
    make_version1(tmp_path, monkeypatch, unified)
    add_hierarchy(tmp_path, "freezer")
    top = place(unified, "")
    top.mkdir(parents=True)
    for file in ("cgroup.freeze", "cgroup.procs"):
        (top / file).touch()
    return top


def test_version_2_freezes_also_here_where_it_is_mounted(tmp_path: Path, hybrid: Path) -> None:
    # Given
    group = find_cgroups("0", tmp_path).create("e1")
    fill(in_memory(tmp_path), memory_max_usage_in_bytes=0)
    assert not place(tmp_path, "freezer").exists()
    freeze = hybrid / "e1/cgroup.freeze"
    freeze.write_text("0")
    # When
    gauges = group.open_gauges(Limits(128))
    set_gauge(gauges, "freezer", "frozen")
    # Then
    assert freeze.read_text() == "1"
    set_gauge(gauges, "freezer", "thawed")
    assert freeze.read_text() == "0"
    set_gauge(gauges, "freezer", "frozen")
    group.thaw()
    assert freeze.read_text() == "0"
    close(gauges)
    group.remove()
    assert not freeze.parent.exists()


def test_a_version_2_that_cannot_freeze_is_left_alone(tmp_path: Path, hybrid: Path) -> None:
    """Linux before 5.2."""
    for file in hybrid.iterdir():
        file.unlink()
    find_cgroups("0", tmp_path)
    assert not hybrid.exists()
    assert place(tmp_path, "freezer").is_dir()


def test_a_version_2_that_is_not_ours_to_write_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version1(tmp_path, monkeypatch, unified=tmp_path / "absent")
    add_hierarchy(tmp_path, "freezer")
    find_cgroups("0", tmp_path)
    assert place(tmp_path, "freezer").is_dir()
