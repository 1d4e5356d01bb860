"""Control groups: which there are, and in which this user may make groups."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lambdad.launcher.probes.machine import ControlGroups, Systemd, User
from lambdad.launcher.probes.reading import read_text

_MOUNT = "/sys/fs/cgroup"
_VERSION_1 = ("memory", "cpu", "pids", "freezer")
_KNOBS = ("cgroup.procs", "cgroup.subtree_control")


def probe_control_groups(root: Path = Path("/")) -> ControlGroups:
    """Look at the mounts, and at the group of this process."""
    top = root / _MOUNT[1:]
    mounts = dict(_version2_mounts(read_text(root / "proc/self/mountinfo")))
    mount = _MOUNT if _MOUNT in mounts else next(iter(mounts), "")
    own = _own_path(read_text(root / "proc/self/cgroup")) if mount else ""
    own_directory = root / f"{mount}/{own}".strip("/")
    return ControlGroups(
        version1=tuple(name for name in _VERSION_1 if (top / name / "tasks").exists()),
        version2=_controllers(root / mount[1:]) if mount else (),
        version2_mount=mount,
        is_writable=_is_writable(top),
        is_of_another_namespace=mounts.get(_MOUNT, "/").startswith("/.."),
        own_group=own,
        delegated=_controllers(own_directory) if own and _is_delegated(own_directory) else None,
        has_favordynmods="favordynmods" in read_text(root / "sys/kernel/cgroup/features").split(),
    )


def _version2_mounts(mountinfo: str) -> Iterator[tuple[str, str]]:
    """Each mount point of cgroup version 2, and which of its groups shows there."""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        if after.split(" ")[0] == "cgroup2":
            shown, mount_point = before.split(" ")[3:5]
            yield mount_point, shown


def _own_path(membership: str) -> str:
    for line in membership.splitlines():
        if line.startswith("0::"):
            return line.removeprefix("0::")
    return ""


def _controllers(directory: Path) -> tuple[str, ...]:
    return tuple(read_text(directory / "cgroup.controllers").split())


def _is_writable(top: Path) -> bool:
    """Can groups be made in any of the hierarchies here? In most containers they are read-only."""
    places = [top / "memory", top]
    return any(os.access(place, os.W_OK) for place in places if (place / "cgroup.procs").exists())


def _is_delegated(group: Path) -> bool:
    return all(os.access(path, os.W_OK) for path in (group, *(group / knob for knob in _KNOBS)))


def probe_systemd(user: User, root: Path = Path("/")) -> Systemd:
    """Whether systemd runs, and a manager for this user that could delegate a group."""
    manager = f"user.slice/user-{user.uid}.slice/user@{user.uid}.service"
    return Systemd(
        is_running=(root / "run/systemd/system").is_dir(),
        has_user_manager=(root / f"run/user/{user.uid}/systemd").is_dir(),
        knows_user_manager="XDG_RUNTIME_DIR" in os.environ,
        offered=_controllers(root / _MOUNT[1:] / manager),
    )
