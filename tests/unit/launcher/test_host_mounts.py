"""Who a function's user is in a directory of the host: its owner, a stranger, and never root."""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lambdad.launcher import idmap, mounts, syscalls
from lambdad.launcher.contract import NotToBeHad, Order
from lambdad.launcher.host_directories import HostDirectories
from lambdad.launcher.host_mounts import HostMounts

ARN = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0"
RDONLY, SAFE = syscalls.MOUNT_ATTR_RDONLY, syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV


class Kernel:
    """Notes what it is to mount; `owner` is whose every directory is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.owner = (1000, 1000)
        self.mode = 0o40700
        self.maps = True
        self.mounts: list[tuple[str, int]] = []
        monkeypatch.setattr(idmap, "clone_mapped", self._clone_mapped)
        monkeypatch.setattr(syscalls, "clone_mount", self._clone)
        monkeypatch.setattr("lambdad.launcher.host_mounts.os.fstat", self._fstat)

    def _fstat(self, descriptor: int) -> os.stat_result:
        return os.stat_result((self.mode, 1, 1, 1, *self.owner, 0, 0, 0, 0))

    def _clone_mapped(self, directory: int, uid: int, attributes: int) -> int:
        if not self.maps:
            raise OSError(22, "Invalid argument")
        return self._note(f"mapped to {uid}", attributes)

    def _clone(self, directory: int, attributes: int) -> int:
        return self._note("plain", attributes)

    def _note(self, kind: str, attributes: int) -> int:
        self.mounts.append((kind, attributes))
        return os.open("/dev/null", os.O_RDONLY)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return Kernel(monkeypatch)


@pytest.fixture
def directories(tmp_path: Path) -> HostDirectories:
    return HostDirectories({ARN: str(tmp_path.resolve())}, [str(tmp_path.resolve())])


def clone(host: HostMounts, place: str) -> None:
    with ExitStack() as opened:
        host.clone(place, 0, 77, opened)


@pytest.mark.parametrize(("place", "attributes"), [("/mnt/x", SAFE), (mounts.TASK, SAFE | RDONLY)])
def test_the_owners_files_are_the_functions_and_code_is_nobodys_to_write(
    kernel: Kernel, directories: HostDirectories, place: str, attributes: int
) -> None:
    clone(HostMounts(directories, can_map=True), place)
    assert kernel.mounts == [("mapped to 77", attributes)]


@pytest.mark.parametrize("owner", [(0, 0), (0, 1000), (1000, 0)])
def test_nobody_writes_as_root(
    kernel: Kernel, directories: HostDirectories, owner: tuple[int, int]
) -> None:
    kernel.owner = owner
    clone(HostMounts(directories, can_map=True), "/mnt/x")
    assert kernel.mounts == [("plain", SAFE)]


def test_what_root_has_written_may_be_read_as_code(
    kernel: Kernel, directories: HostDirectories
) -> None:
    kernel.owner = (0, 0)
    clone(HostMounts(directories, can_map=True), mounts.TASK)
    assert kernel.mounts == [("mapped to 77", SAFE | RDONLY)]


@pytest.mark.parametrize("why", ["rootless", "file system"])
def test_where_nothing_is_mapped_a_function_is_a_stranger(
    kernel: Kernel, directories: HostDirectories, why: str
) -> None:
    kernel.maps = why != "file system"
    clone(HostMounts(directories, can_map=why != "rootless"), "/mnt/x")
    assert kernel.mounts == [("plain", SAFE)]


@pytest.mark.parametrize(
    ("change", "is_usable"),
    [
        ({}, True),
        ({"owner": (0, 0)}, False),
        ({"maps": False}, False),
        ({"maps": False, "mode": 0o40755}, True),
        ({"owner": (0, 0), "mode": 0o40755}, True),
        ({"owner": (0, 0), "mode": 0o40754}, False),
    ],
)
def test_a_file_system_that_no_function_could_read_is_told_at_the_start(
    kernel: Kernel, directories: HostDirectories, change: dict[str, Any], is_usable: bool
) -> None:
    for name, value in change.items():
        setattr(kernel, name, value)
    problem = HostMounts(directories, can_map=True).problem()
    assert (problem is None) == is_usable
    if problem:
        assert "chmod o+rx" in problem


def test_a_file_system_that_is_not_there_is_told_at_the_start() -> None:
    problem = HostMounts(HostDirectories({ARN: "/absent"}), can_map=True).problem()
    assert problem is not None
    assert "/absent" in problem


def test_an_order_without_directories_opens_none(directories: HostDirectories) -> None:
    order = Order("e", "python3.12", "0", "code", 128, 512)
    with ExitStack() as opened:
        assert HostMounts(directories, can_map=True).open(order, opened) == {}


@pytest.mark.parametrize("place", ["/mnt", "/mnt/.", "/mnt/..", "/mnt/a/b", "/tmp", "/mnt/x\n"])
def test_a_file_system_stands_below_mnt(directories: HostDirectories, place: str) -> None:
    order = Order("e", "python3.12", "0", "code", 128, 512, file_system=ARN, mount_path=place)
    with ExitStack() as opened, pytest.raises(NotToBeHad, match="no place below /mnt"):
        HostMounts(directories, can_map=True).open(order, opened)
