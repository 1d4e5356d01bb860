"""Control groups, on directories that look like the kernel's."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdad.launcher import cgroups
from lambdad.launcher.cgroups import CPU_PERIOD_US, Cgroup, Limits

MB = 1024 * 1024


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cgroup file system; unlike the kernel's, a directory with files in it is not empty."""
    monkeypatch.setattr(cgroups, "_ROOT", tmp_path)
    monkeypatch.setattr(cgroups, "_remove", shutil.rmtree)
    monkeypatch.setattr(cgroups, "_own_path", lambda controller: "")
    return tmp_path


@pytest.fixture
def second(root: Path) -> Path:
    (root / "cgroup.controllers").write_text("cpuset cpu io memory pids\n")
    return root


@pytest.fixture
def first(root: Path) -> Path:
    for controller in ("memory", "cpu", "pids"):
        (root / controller).mkdir()
        (root / controller / "tasks").touch()
    return root


def read(descriptor: int) -> str:
    try:
        return os.read(descriptor, 100).decode()
    finally:
        os.close(descriptor)


def number_in(open_file: Callable[[], int]) -> int:
    return int(read(open_file()))


@pytest.mark.parametrize(
    ("memory_mb", "quota"),
    [(128, 1447), (512, 5788), (1769, 20_000), (3538, 40_000), (10_240, 115_771), (1, 1_000)],
)
def test_the_cpu_share_follows_from_the_memory(memory_mb: int, quota: int) -> None:
    assert Limits(memory_mb).cpu_quota_us == quota


def test_no_share_is_below_the_kernels_floor() -> None:
    assert all(Limits(mb).cpu_quota_us >= 1_000 for mb in range(200))


# Version 2


def test_version_2_is_found_and_lets_its_groups_have_limits(second: Path) -> None:
    # When
    cgroups.find_cgroups("7")
    # Then
    assert (second / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"
    assert (second / "lambdad-7/cgroup.subtree_control").read_text() == "+memory +cpu +pids"


def make_second(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Cgroup, Path]:
    """A group whose directory has the kernel's files from the moment it is made."""
    made = cgroups.find_cgroups("0")
    mkdir = Path.mkdir
    files = {
        "memory.max": "max", "memory.swap.max": "max", "memory.oom.group": "0", "pids.max": "max",
        "cpu.max": "max 100000", "memory.peak": str(3 * MB), "memory.current": str(2 * MB),
        "cgroup.procs": "", "memory.events": "low 0\nhigh 0\nmax 4\noom 1\noom_kill 2\n",
    }  # fmt: skip

    def make_with_files(path: Path, mode: int = 0o777) -> None:
        mkdir(path, mode)
        for name, content in files.items():
            (path / name).write_text(content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", make_with_files)
        group = made.create("e1", Limits(256))
    return group, root / "lambdad-0/e1"


def test_version_2_sets_the_limits(second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, directory = make_second(second, monkeypatch)
    limits = {
        name: (directory / name).read_text()
        for name in ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max")
    }
    assert limits == {
        "memory.max": str(256 * MB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "1024",
    }


def test_version_2_throttles_only_when_the_quota_is_written(
    second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, directory = make_second(second, monkeypatch)
    assert (directory / "cpu.max").read_text() == "max 100000"
    descriptor, quota = group.open_cpu_quota()
    os.pwrite(descriptor, quota.encode(), 0)
    os.close(descriptor)
    written = (directory / "cpu.max").read_text()
    assert written.startswith(f"{20_000 * 256 // 1769} {CPU_PERIOD_US}")


def test_version_2_counts_memory_and_kills(second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group, directory = make_second(second, monkeypatch)
    assert group.memory_peak() == number_in(group.open_memory_peak) == 3 * MB
    assert group.out_of_memory_kills() == 2
    # Linux before 5.19 has no peak
    (directory / "memory.peak").unlink()
    assert group.memory_peak() == 2 * MB


def test_version_2_is_entered_through_one_file(
    second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, directory = make_second(second, monkeypatch)
    (entrance,) = group.open_entrances()
    assert not os.get_inheritable(entrance)
    os.write(entrance, b"0")
    os.close(entrance)
    assert (directory / "cgroup.procs").read_text() == "0"


def test_version_2_removes_a_group(second: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    group, directory = make_second(second, monkeypatch)
    group.remove()
    assert not directory.exists()


def test_what_a_killed_server_left_is_ended_and_removed(
    second: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    killed: list[int] = []
    monkeypatch.setattr(cgroups, "_kill", killed.append)
    for name, pids in (("lambdad-3", ""), ("lambdad-3/e1", "11\n12\n"), ("lambdad-4", "13\n")):
        (second / name).mkdir()
        (second / name / "cgroup.procs").write_text(pids)
    # When
    cgroups.find_cgroups("3")
    # Then
    assert killed == [11, 12]
    assert not (second / "lambdad-3/e1").exists()
    assert (second / "lambdad-4").exists()


def test_missing_controllers_are_named(root: Path) -> None:
    (root / "cgroup.controllers").write_text("cpu io\n")
    with pytest.raises(OSError, match="memory, pids are not available"):
        cgroups.find_cgroups("0")


def test_a_machine_without_cgroups_is_told_so(root: Path) -> None:
    with pytest.raises(OSError, match="no cgroup hierarchy"):
        cgroups.find_cgroups("0")


# Version 1


def test_version_1_makes_a_group_in_every_hierarchy(first: Path) -> None:
    group = cgroups.find_cgroups("0").create("e1", Limits(128))
    limit = (first / "memory/lambdad-0/e1/memory.limit_in_bytes").read_text()
    assert limit == str(128 * MB)
    assert (first / "pids/lambdad-0/e1/pids.max").read_text() == "1024"
    assert (first / "cpu/lambdad-0/e1").is_dir()
    group.remove()
    assert not list(first.glob("*/lambdad-0/e1"))


def test_version_1_reads_the_kills_of_its_own_group(first: Path) -> None:
    group = cgroups.find_cgroups("0").create("e1", Limits(128))
    control = first / "memory/lambdad-0/e1/memory.oom_control"
    control.write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert group.out_of_memory_kills() == 3
    control.write_text("oom_kill_disable 0\nunder_oom 0\n")
    assert group.out_of_memory_kills() == 0


def test_a_group_that_cannot_be_made_whole_leaves_nothing(first: Path) -> None:
    """The sandbox contract: OSError, and nothing is left."""
    made = cgroups.find_cgroups("0")
    (first / "pids/lambdad-0").rmdir()  # so that the last of the three cannot be made
    with pytest.raises(OSError, match="pids"):
        made.create("e1", Limits(128))
    assert list(first.glob("*/lambdad-0/e1")) == []


def test_a_name_cannot_lead_out_of_the_servers_own_groups(first: Path) -> None:
    made = cgroups.find_cgroups("0")
    with pytest.raises((OSError, ValueError)):
        made.create("../stranger", Limits(128))
    assert list(first.glob("*/stranger")) == []


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
    cgroups._remove(tmp_path / "e1")
    cgroups._remove(tmp_path / "e1")  # gone already
    # Then
    assert not (tmp_path / "e1").exists()
