"""What the `namespaces` sandbox is made of: rights, kernel, namespaces, user ids."""

from __future__ import annotations

from lambdad.launcher.findings import commands
from lambdad.launcher.findings.finding import Finding, missing, ok, weaker
from lambdad.launcher.probes.machine import Machine

_OLDEST_KERNEL = (5, 12)  # mount_setattr
_CGROUP_KILL = (5, 14)
_ARCHITECTURES = ("x86_64", "aarch64")
_LEAST_IDS = 2
_ENOUGH_IDS = 65_536
_NOT_FOR_GOOD = "This lasts until the next boot; a file in /etc/sysctl.d keeps it."


def isolation(machine: Machine) -> list[Finding]:
    """What decides whether a sandbox isolates, but for control groups."""
    if machine.kernel.system != "Linux":
        return [_kernel(machine)]
    findings = [_rights(machine), _kernel(machine), _seccomp(machine)]
    if machine.user.is_root:
        return [*findings, _namespaces(machine)]
    return [*findings, _user_namespaces(machine), _mapping(machine), _subordinate_ids(machine)]


def _rights(machine: Machine) -> Finding:
    user = machine.user
    if not user.is_root:
        return weaker(
            "rights",
            f"{user.name}, uid {user.uid}",
            "Root needs no preparation, and can limit memory, CPU and processes everywhere.",
            commands.SERVE_AS_ROOT,
        )
    if not user.can_administer:
        return missing(
            "rights",
            "root without CAP_SYS_ADMIN",
            "An ordinary container takes that capability away; namespaces and mounts need it.",
            commands.run_privileged(machine),
        )
    if not user.has_environment_ids:
        return missing(
            "rights",
            "root of a user namespace",
            "The user ids of environments, from 1900000000 on, do not exist in it.",
        )
    return ok("rights", "root")


def _kernel(machine: Machine) -> Finding:
    kernel = machine.kernel
    what = f"{kernel.system} {kernel.release}, {kernel.architecture}"
    if kernel.system != "Linux":
        return missing("kernel", what, "Namespaces and cgroups are Linux's own.")
    if kernel.architecture not in _ARCHITECTURES:
        return missing("kernel", what, "Sandboxes are made for x86_64 and aarch64.")
    if kernel.version < _OLDEST_KERNEL:
        why = "Linux 5.12 is the oldest that can: openat2, open_tree, move_mount, mount_setattr."
        return missing("kernel", what, why)
    if kernel.calls_error:
        return missing("kernel", what, f"A call that it should know fails: {kernel.calls_error}.")
    kill = ", cgroup.kill" if kernel.version >= _CGROUP_KILL else ""
    return ok("kernel", f"{what}: mount calls of 5.12, pidfds{kill}")


def _seccomp(machine: Machine) -> Finding:
    error = machine.kernel.seccomp_error
    if error:
        return missing(
            "seccomp", error, "Without its filter, functions reach every call of the kernel."
        )
    return ok("seccomp", "system-call filters can be loaded")


def _namespaces(machine: Machine) -> Finding:
    error = machine.kernel.namespaces_error
    if error:
        return missing(
            "namespaces",
            error,
            "Root may not make namespaces and mounts here, as in an ordinary container.",
            commands.run_privileged(machine),
        )
    return ok("namespaces", "mount, PID, network, IPC, UTS, cgroup: tried in a child process")


def _user_namespaces(machine: Machine) -> Finding:
    error = machine.kernel.namespaces_error
    if error:
        return missing("user namespaces", error, *_why_refused(machine))
    return ok("user namespaces", "one, and all others in it: tried in a child process")


def _why_refused(machine: Machine) -> tuple[str, str]:
    """The likeliest reason, and the command against it."""
    facts = machine.user_namespaces
    if facts.unprivileged_clone == 0:
        return _because_of(machine, "kernel.unprivileged_userns_clone", now=0, then=1)
    if facts.most == 0:
        return _because_of(machine, "user.max_user_namespaces", now=0, then=15_000)
    if facts.apparmor_restricts == 1:
        return _because_of(machine, "kernel.apparmor_restrict_unprivileged_userns", now=1, then=0)
    if facts.is_filtered:
        why = "A system-call filter lies on this process, as in an ordinary container."
        return why, commands.run_privileged(machine)
    return "No setting of this machine says why; a container or a security module may.", ""


def _because_of(machine: Machine, name: str, *, now: int, then: int) -> tuple[str, str]:
    return f"{name} is {now}. {_NOT_FOR_GOOD}", commands.set_sysctl(machine, name, then)


def _mapping(machine: Machine) -> Finding:
    facts = machine.user_namespaces
    absent = [tool for tool in ("newuidmap", "newgidmap") if tool not in facts.tools]
    if absent:
        return missing(
            "newuidmap",
            f"no {' and no '.join(absent)}",
            "They give each environment a user id of its own without root.",
            commands.install_id_mapping(machine),
        )
    if facts.mapping_error:
        return missing(
            "newuidmap",
            facts.mapping_error,
            "It is installed and could not map this user's ids; it must be set-uid root, and "
            "on a file system that is not mounted nosuid.",
        )
    return ok("newuidmap", "newuidmap and newgidmap are installed")


def _subordinate_ids(machine: Machine) -> Finding:
    facts = machine.user_namespaces
    count = min(facts.subordinate_uids, facts.subordinate_gids)
    command = commands.grant_ids(machine, _ENOUGH_IDS)
    if count < _LEAST_IDS:
        what = f"{facts.subordinate_uids} user ids, {facts.subordinate_gids} group ids"
        why = f"/etc/subuid and /etc/subgid must grant {machine.user.name} a range of ids."
        return missing("subordinate ids", what, why, command)
    if count < _ENOUGH_IDS:
        why = "Each environment takes one, and gets its own only while there are enough."
        return weaker("subordinate ids", f"{count:,} of {_ENOUGH_IDS:,}", why, command)
    return ok("subordinate ids", f"{count:,} user and group ids")
