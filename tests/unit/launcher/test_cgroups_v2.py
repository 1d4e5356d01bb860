"""Control groups of version 2, on directories that look like the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_cgroups import MB, close, fill, make_version2, read_gauge, set_gauge

from lambdad.launcher.cgroup_search import find_cgroups
from lambdad.launcher.cgroups import CPU_PERIOD_US, Cgroup, Limits


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_version2(tmp_path, monkeypatch)


@pytest.fixture
def directory(root: Path) -> Path:
    return root / "lambdad-0/e1"


@pytest.fixture
def group(root: Path, directory: Path) -> Cgroup:
    group = find_cgroups("0", root).create("e1")
    fill(directory, memory_peak=3 * MB, memory_current=2 * MB, cgroup_freeze=0, cpu_max="max 9")
    fill(directory, cpu_stat="usage_usec 5\nuser_usec 3\n")
    return group


def test_groups_may_have_limits(root: Path) -> None:
    find_cgroups("7", root)
    for shared in (root, root / "lambdad-7"):
        assert (shared / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"


def test_the_number_of_processes_is_limited_from_the_start(group: Cgroup, directory: Path) -> None:
    assert (directory / "pids.max").read_text() == "1024"


def test_the_kernel_ends_all_of_it_when_it_is_out_of_memory(
    root: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = find_cgroups("0", root)
    mkdir = Path.mkdir

    def make_with_knob(path: Path) -> None:
        mkdir(path)
        (path / "memory.oom.group").write_text("0")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", make_with_knob)
        made.create("e1")
    assert (directory / "memory.oom.group").read_text() == "1"


@pytest.mark.parametrize("has_swap", [True, False])
def test_memory_and_tmp_are_limited_together(
    group: Cgroup, directory: Path, has_swap: bool
) -> None:
    swap = directory / "memory.swap.max"
    if has_swap:
        swap.write_text("max")
    group.limit(Limits(128, 512))
    assert (directory / "memory.max").read_text() == str(640 * MB)
    assert swap.exists() == has_swap
    assert not has_swap or swap.read_text() == "0"


def test_it_is_entered_through_one_file(group: Cgroup, directory: Path) -> None:
    (directory / "cgroup.procs").touch()
    (entrance,) = group.open_entrances()
    assert not os.get_inheritable(entrance)
    os.write(entrance, b"0")
    os.close(entrance)
    assert (directory / "cgroup.procs").read_text() == "0"


def test_the_cpu_is_limited_when_the_gauge_says_so(group: Cgroup, directory: Path) -> None:
    gauges = group.open_gauges(Limits(256))
    assert (directory / "cpu.max").read_text() == f"max {CPU_PERIOD_US}"
    set_gauge(gauges, "cpu_quota", "cpu_quota")
    written = (directory / "cpu.max").read_text()
    assert written.startswith(f"{20_000 * 256 // 1769} {CPU_PERIOD_US}")
    close(gauges)


def test_the_gauge_freezes_and_thaws(group: Cgroup, directory: Path) -> None:
    gauges = group.open_gauges(Limits(256))
    set_gauge(gauges, "freezer", "frozen")
    assert (directory / "cgroup.freeze").read_text() == "1"
    set_gauge(gauges, "freezer", "thawed")
    assert (directory / "cgroup.freeze").read_text() == "0"
    set_gauge(gauges, "freezer", "frozen")
    group.thaw()
    assert (directory / "cgroup.freeze").read_text() == "0"
    close(gauges)


@pytest.mark.parametrize(("has_peak", "expected"), [(True, 3 * MB), (False, 2 * MB)])
def test_the_peak_of_memory_is_read_where_there_is_one(
    group: Cgroup, directory: Path, has_peak: bool, expected: int
) -> None:
    """Linux before 5.19 has none, and what is in use stands in."""
    if not has_peak:
        (directory / "memory.peak").unlink()
    assert group.memory_peak() == expected
    gauges = group.open_gauges(Limits(256))
    assert read_gauge(gauges, "memory_peak") == group.memory_peak()
    close(gauges)


def test_the_peak_is_counted_anew_for_every_run(group: Cgroup, directory: Path) -> None:
    """The kernel does so for a descriptor through which something is written."""
    (directory / "memory.peak").write_text("7")
    gauges = group.open_gauges(Limits(256))
    assert (directory / "memory.peak").read_text() == "0"
    close(gauges)


@pytest.mark.parametrize(
    ("usage", "file", "shmem", "tmp", "in_use"),
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
    group: Cgroup, directory: Path, usage: int, file: int, shmem: int, tmp: int, in_use: int
) -> None:
    fill(directory, memory_current=usage * MB)
    fill(directory, memory_stat=f"anon 1\nfile {file * MB}\nshmem {shmem * MB}\n")
    assert group.memory_in_use(tmp * MB) == in_use * MB


def test_the_kills_are_those_of_this_group(group: Cgroup, directory: Path) -> None:
    fill(directory, memory_events="low 0\nhigh 0\nmax 4\noom 1\noom_kill 2\n")
    assert group.out_of_memory_kills() == 2


def test_a_group_is_removed(group: Cgroup, directory: Path) -> None:
    group.remove()
    assert not directory.exists()


def test_a_group_that_cannot_be_made_whole_leaves_nothing(
    root: Path, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = find_cgroups("0", root)
    mkdir = Path.mkdir

    def make_with_trap(path: Path) -> None:
        mkdir(path)
        mkdir(path / "pids.max")  # which cannot be written then

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", make_with_trap)
        with pytest.raises(OSError, match=r"pids\.max"):
            made.create("e1")
    assert not directory.exists()


def test_a_name_cannot_lead_out_of_the_servers_own_groups(root: Path) -> None:
    with pytest.raises(OSError, match="cannot be the name"):
        find_cgroups("0", root).create("../stranger")
    assert list(root.rglob("stranger")) == []


def test_what_a_killed_server_left_is_removed_and_nobody_elses(root: Path) -> None:
    for name in ("lambdad-3", "lambdad-3/e1", "lambdad-4"):
        (root / name).mkdir()
        (root / name / "cgroup.procs").touch()
    find_cgroups("3", root)
    assert not (root / "lambdad-3/e1").exists()
    assert (root / "lambdad-4").exists()
