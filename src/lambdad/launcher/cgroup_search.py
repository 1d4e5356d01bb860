"""What this machine offers of cgroups."""

from __future__ import annotations

import os
from pathlib import Path

from lambdad.launcher import syscalls
from lambdad.launcher.cgroup_files import own_path
from lambdad.launcher.cgroups import CONTROLLERS, Cgroups
from lambdad.launcher.cgroups_v1 import Version1
from lambdad.launcher.cgroups_v2 import Version2
from lambdad.launcher.no_cgroups import NoCgroups

ROOT = Path("/sys/fs/cgroup")


def find_cgroups(name: str, root: Path = ROOT) -> Cgroups:
    """The best that this machine offers to root for the server of that name; OSError when there is
    nothing."""
    if all((root / controller / "tasks").exists() for controller in CONTROLLERS):
        return Version1(f"lambdad-{name}", root, mount_of_version2())
    controllers = root / "cgroup.controllers"
    if controllers.exists():
        if _is_of_another_namespace(root):
            raise OSError(
                "/sys/fs/cgroup shows groups outside of this container's cgroup namespace; mount "
                "its own there, or give the container the host's namespace (--cgroupns=host)"
            )
        if missing := _missing(controllers):
            raise OSError(f"the cgroup controllers {', '.join(missing)} are not available")
        return Version2(root, f"lambdad-{name}")
    raise OSError("no cgroup hierarchy is mounted at /sys/fs/cgroup")


def find_delegated_cgroups(name: str, root: Path = ROOT) -> Cgroups:
    """What an ordinary user has: the group in which systemd (Delegate=yes) or an administrator has
    put us, when it is ours to write; otherwise none."""
    own = root / own_path("")
    try:
        if all((root / controller / "tasks").exists() for controller in CONTROLLERS):
            return Version1(f"lambdad-{name}", root, mount_of_version2())
        is_ours = os.access(own / "cgroup.subtree_control", os.W_OK)
        if is_ours and not _missing(own / "cgroup.controllers"):
            return Version2(own, f"lambdad-{name}")
    except OSError:
        pass
    return NoCgroups()


def mount_of_version2() -> Path | None:
    """Where cgroup2 is mounted, be it beside version 1."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, file_system = line.partition(" - ")
        if file_system.startswith("cgroup2 "):
            return Path(mount.split(" ")[4])
    return None


def _missing(controllers: Path) -> list[str]:
    return sorted(set(CONTROLLERS) - set(controllers.read_text().split()))


def _is_of_another_namespace(top: Path) -> bool:
    """Is what stands at /sys/fs/cgroup above our own cgroup namespace? Nobody could enter it."""
    shown = "/"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        _, _, _, root, mount_point, *_ = line.split(" ")
        if mount_point == str(top):
            shown = root  # the last one lies on top
    return shown.startswith("/..")


def mount_favordynmods(directory: Path) -> None:
    """Make entering a cgroup cheap on an idle machine: 0.05 ms instead of up to 14.

    The kernel option is global while a hierarchy with it is mounted, and costs the host a little
    on each fork; so it is a setting, and the mount lives in the launcher's own mount namespace,
    which ends with it, however it ends.
    """
    directory.mkdir(parents=True, exist_ok=True)
    syscalls.mount("lambdad", str(directory), "cgroup", 0, "none,name=lambdad,favordynmods")
