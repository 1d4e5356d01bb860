"""Facts out of files, read from a tree that a test lays out; and what is true on any machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdad.launcher.probes.control_groups import probe_control_groups, probe_systemd
from lambdad.launcher.probes.egress import probe_egress
from lambdad.launcher.probes.examine import examine
from lambdad.launcher.probes.machine import ControlGroups, Kernel, Systemd, User, UserNamespaces
from lambdad.launcher.probes.reading import read_field, read_number
from lambdad.launcher.probes.resources import probe_resources
from lambdad.launcher.probes.users import (
    free_range,
    largest_range,
    maps_id,
    probe_user,
    probe_user_namespaces,
)

ANN = User("ann", 1000)
VERSION_2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
HYBRID = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)

WriteTree = Callable[[dict[str, str]], Path]


@pytest.fixture
def write_tree(tmp_path: Path) -> WriteTree:
    """Lay out files below a directory that stands for /."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def test_a_group_of_version_2_that_one_may_write_to_is_delegated(write_tree: WriteTree) -> None:
    # Given
    group = "sys/fs/cgroup/user.slice/run-1.scope"
    root = write_tree(
        {
            "proc/self/mountinfo": VERSION_2,
            "proc/self/cgroup": "0::/user.slice/run-1.scope\n",
            "sys/fs/cgroup/cgroup.controllers": "cpuset cpu memory pids\n",
            "sys/fs/cgroup/cgroup.procs": "",
            f"{group}/cgroup.controllers": "memory pids\n",
            f"{group}/cgroup.procs": "",
            f"{group}/cgroup.subtree_control": "",
            "sys/kernel/cgroup/features": "nsdelegate\nfavordynmods\n",
        }
    )
    # When, then
    assert probe_control_groups(root) == ControlGroups(
        version2=("cpuset", "cpu", "memory", "pids"),
        version2_mount="/sys/fs/cgroup",
        is_writable=True,
        own_group="/user.slice/run-1.scope",
        delegated=("memory", "pids"),
        has_favordynmods=True,
    )


def test_a_group_without_its_files_is_not_delegated(write_tree: WriteTree) -> None:
    root = write_tree(
        {"proc/self/mountinfo": VERSION_2, "proc/self/cgroup": "0::/user.slice/session-3.scope\n"}
    )
    assert probe_control_groups(root).delegated is None


def test_a_hybrid_machine_has_controllers_of_version_1_beside_version_2(
    write_tree: WriteTree,
) -> None:
    tasks = {f"sys/fs/cgroup/{name}/tasks": "" for name in ("memory", "cpu", "pids", "freezer")}
    root = write_tree(
        {
            "proc/self/mountinfo": HYBRID,
            "proc/self/cgroup": "4:memory:/a\n0::/\n",
            "sys/fs/cgroup/memory/cgroup.procs": "",
            "sys/fs/cgroup/unified/cgroup.controllers": "\n",
            **tasks,
        }
    )
    groups = probe_control_groups(root)
    assert groups.version1 == ("memory", "cpu", "pids", "freezer")
    assert (groups.version2, groups.version2_mount) == ((), "/sys/fs/cgroup/unified")
    assert groups.is_writable


def test_groups_above_the_own_namespace_are_recognized(write_tree: WriteTree) -> None:
    root = write_tree({"proc/self/mountinfo": VERSION_2.replace(" / /sys", " /../.. /sys")})
    assert probe_control_groups(root).is_of_another_namespace


def test_systemd_and_the_users_manager_are_found(
    write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    manager = "sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service"
    root = write_tree(
        {
            "run/systemd/system/unit": "",
            "run/user/1000/systemd/private": "",
            f"{manager}/cgroup.controllers": "memory pids\n",
        }
    )
    assert probe_systemd(ANN, root) == Systemd(
        is_running=True, has_user_manager=True, offered=("memory", "pids")
    )


def test_settings_of_user_namespaces_are_read_where_the_kernel_has_them(
    write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a user with a range, and no tools to use it with
    monkeypatch.setenv("PATH", "/nowhere")
    root = write_tree(
        {
            "proc/sys/user/max_user_namespaces": "0\n",
            "proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1\n",
            "proc/self/status": "Name:\tlambdad\nSeccomp:\t2\nSeccomp_filters:\t1\n",
            "etc/subuid": "ann:100000:65536\nbob:165536:65536\n",
            "etc/subgid": "1000:100000:65536\n",
        }
    )
    # When, then
    assert probe_user_namespaces(ANN, root) == UserNamespaces(
        most=0,
        apparmor_restricts=1,
        is_filtered=True,
        subordinate_uids=65_536,
        subordinate_gids=65_536,
        free_range=231_072,
    )


@pytest.mark.parametrize(
    ("text", "granted"),
    [
        ("", (0, 0)),
        ("bob:100000:65536", (0, 0)),
        ("ann:100000:65536", (100_000, 65_536)),
        ("1000:100000:65536", (100_000, 65_536)),
        ("ann:100000:10\nann:200000:20", (200_000, 20)),
        ("# ann:1:2\nann:x:2\nann:5\n\nann:100000:10 # half", (100_000, 10)),
    ],
)
def test_the_largest_range_of_a_user_counts(text: str, granted: tuple[int, int]) -> None:
    assert largest_range(text, ANN) == granted


def test_the_free_range_comes_after_all_others() -> None:
    assert free_range("", "") == 100_000
    assert free_range("ann:100000:65536", "bob:300000:1000") == 301_000


@pytest.mark.parametrize(
    ("uid_map", "exists"),
    [
        ("         0          0 4294967295", True),
        ("0 1000 1", False),
        ("0 1000 1\n1 100000 65536", False),
        ("", True),
    ],
)
def test_user_ids_exist_as_far_as_they_are_mapped(uid_map: str, exists: bool) -> None:
    assert maps_id(uid_map, 1_900_000_000) is exists


@pytest.mark.parametrize(
    ("release", "version"),
    [
        ("6.1.0-18-amd64", (6, 1)),
        ("6.18.44-fc-v657", (6, 18)),
        ("5.15.167.4-microsoft-standard-WSL2", (5, 15)),
        ("6.9-rc1", (6, 9)),
        ("strange", ()),
    ],
)
def test_a_release_has_a_version(release: str, version: tuple[int, ...]) -> None:
    assert Kernel("Linux", release, "x86_64").version == version


def test_files_that_are_not_there_are_empty(tmp_path: Path) -> None:
    assert read_number(tmp_path / "nothing") is None
    assert read_field(tmp_path / "nothing", "ID") == ""
    assert probe_control_groups(tmp_path) == ControlGroups()
    assert probe_resources(tmp_path).memory_mb > 0
    assert not probe_user(tmp_path).can_administer


@pytest.mark.parametrize(
    ("line", "value"),
    [("ID=debian", "debian"), ('ID="rocky"', "rocky"), ("ID:\t7 kB", "7 kB"), ("OLD_ID=1", "")],
)
def test_a_field_is_found_by_its_whole_name(write_tree: WriteTree, line: str, value: str) -> None:
    assert read_field(write_tree({"file": f"A=b\n{line}\n"}) / "file", "ID") == value


def test_this_machine_can_be_examined() -> None:
    machine = examine()
    assert machine.user.uid == os.geteuid()
    assert machine.resources.cores > 0
    assert machine.interpreters


def test_programs_of_egress_are_told_by_their_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_tree: WriteTree
) -> None:
    # Given one of them
    root = write_tree({"bin/nft": "", "dev/net/tun": ""})
    (root / "bin/nft").chmod(0o700)
    monkeypatch.setenv("PATH", str(root / "bin"))
    monkeypatch.setattr("lambdad.launcher.egress_programs._SYSTEM_PATH", str(root / "bin"))
    # When
    found = probe_egress(root)
    # Then
    assert found.programs == {"slirp4netns": None, "nftables": f"{root}/bin/nft"}
    assert found.tun_error is None


def test_a_device_for_interfaces_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert probe_egress(tmp_path).tun_error == f"{tmp_path}/dev/net/tun: No such file or directory"
