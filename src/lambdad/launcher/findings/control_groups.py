"""Control groups: what limits memory, CPU and processes, and freezes.

Root makes groups wherever there are any. Anyone else makes them where a group was delegated, which
in practice is what systemd does; without it the `namespaces` sandbox works with weaker limits.
"""

from __future__ import annotations

import re

from lambdad.launcher.findings import commands
from lambdad.launcher.findings.finding import Finding, missing, ok, weaker
from lambdad.launcher.probes.machine import ControlGroups, Machine

CONTROLLERS = ("memory", "cpu", "pids")
_FAVORDYNMODS_KERNEL = (6, 0)
_SUBJECT = "cgroups"
_SERVICE = re.compile(r"/system\.slice/([^/]+\.service)")


def control_groups(machine: Machine) -> list[Finding]:
    """For root, and for anyone else."""
    if machine.kernel.system != "Linux":
        return []
    if machine.user.is_root:
        return [_for_root(machine), _favordynmods(machine)]
    return [_for_user(machine)]


def is_delegated(groups: ControlGroups) -> bool:
    """May a user without root make groups, and limit everything in them?"""
    return not absent(groups)


def absent(groups: ControlGroups) -> tuple[str, ...]:
    """The controllers that a user without root does not get."""
    given = () if groups.is_of_another_namespace else groups.delegated or ()
    return tuple(name for name in CONTROLLERS if name not in given)


def describe(groups: ControlGroups) -> str:
    """Which versions, and what each limits."""
    parts = []
    if groups.version1:
        parts.append(f"version 1: {', '.join(groups.version1)}")
    if groups.version2_mount:
        own = [name for name in CONTROLLERS if name in groups.version2]
        parts.append(f"version 2: {', '.join([*own, 'freeze'])}")
    return "; ".join(parts) or "none at /sys/fs/cgroup"


def _for_root(machine: Machine) -> Finding:
    groups = machine.control_groups
    what = describe(groups)
    if set(CONTROLLERS) <= set(groups.version1):
        return _if_writable(machine, what)
    if groups.version2_mount != "/sys/fs/cgroup":
        why = "Neither version has memory, cpu and pids at /sys/fs/cgroup."
        return missing(_SUBJECT, what, why, _mount_version2(machine))
    if groups.is_of_another_namespace:
        why = "What is mounted there are groups outside of this container's cgroup namespace."
        return missing(_SUBJECT, what, why, commands.run_privileged(machine))
    lacking = [name for name in CONTROLLERS if name not in groups.version2]
    if lacking:
        return missing(_SUBJECT, what, f"No controller for {' and '.join(lacking)}.")
    return _if_writable(machine, what)


def _if_writable(machine: Machine, what: str) -> Finding:
    if machine.control_groups.is_writable:
        return ok(_SUBJECT, what)
    why = "They are mounted read-only, as in an ordinary container."
    return missing(_SUBJECT, what, why, commands.run_privileged(machine))


def _mount_version2(machine: Machine) -> str:
    """Where nothing is mounted at all, mounting is enough."""
    groups = machine.control_groups
    if groups.version1 or groups.version2_mount:
        return ""
    return commands.as_root(machine, "mount -t cgroup2 cgroup2 /sys/fs/cgroup")


def _favordynmods(machine: Machine) -> Finding:
    groups, kernel = machine.control_groups, machine.kernel
    if groups.has_favordynmods or kernel.version >= _FAVORDYNMODS_KERNEL:
        return ok("favordynmods", "a process enters a cgroup in 0.05 ms")
    why = "On an idle machine, entering a cgroup takes up to 14 ms; from Linux 6.0 on, 0.05."
    return weaker("favordynmods", "not in this kernel", why)


def _for_user(machine: Machine) -> Finding:
    groups = machine.control_groups
    lacking = absent(groups)
    if not lacking:
        return ok(_SUBJECT, f"{', '.join(CONTROLLERS)} are delegated to you in {groups.own_group}")
    if groups.delegated:
        what = f"delegated to you without {' and '.join(lacking)}"
    else:
        what = "not delegated to you"
    return weaker(_SUBJECT, f"{what} ({describe(groups)})", *_how_to_delegate(machine))


def _how_to_delegate(machine: Machine) -> tuple[str, str]:
    """Why nothing, or too little, is delegated, and the command that changes it."""
    groups, systemd, user = machine.control_groups, machine.systemd, machine.user
    if not systemd.is_running:
        return "systemd would delegate them, and does not run; root needs no delegation.", (
            commands.SERVE_AS_ROOT
        )
    if not set(CONTROLLERS) <= set(groups.version2):
        why = "Users get version 2 alone, and it lacks controllers here. Then boot again."
        return why, commands.use_version2_only(machine)
    service = _SERVICE.match(groups.own_group)
    if service:
        why = f"{service[1]} does not delegate them. Then start it again."
        return why, commands.delegate(service[1], "yes")
    if not systemd.has_user_manager:
        why = "No systemd manager runs for you. Then ask again."
        return why, f"sudo loginctl enable-linger {user.name}"
    if not set(CONTROLLERS) <= set(systemd.offered):
        why = "Your systemd manager does not have all of them itself. Then log in again."
        return why, commands.delegate("user@.service", "cpu memory pids")
    why = "Your systemd manager delegates a group to a server that is started so."
    return why, commands.serve_in_scope(systemd, user.uid)
