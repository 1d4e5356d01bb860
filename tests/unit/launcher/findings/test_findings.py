"""From facts to findings, by tables: what is said of a machine, and which command is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lambdad.launcher.findings.finding import Finding, State
from lambdad.launcher.findings.strength import Strength, diagnose
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.probes.machine import (
    ControlGroups,
    Egress,
    Kernel,
    Machine,
    Resources,
    Systemd,
    User,
    UserNamespaces,
)

KERNEL = Kernel("Linux", "6.1.0-18-amd64", "x86_64")
ALL = ("memory", "cpu", "pids")
SCOPE = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope"
SESSION = "/user.slice/user-1000.slice/session-3.scope"
MOUNT = "/sys/fs/cgroup"

# A machine with cgroup version 2 and systemd on which nothing is left to be wished for, as root
# and as a user without root who started the server in a delegated scope.
ROOT = Machine(
    user=User("root", 0, can_administer=True),
    kernel=KERNEL,
    resources=Resources(descriptors=1_048_576, memory_mb=16_384, available_mb=8_192, cores=4),
    control_groups=ControlGroups(
        version2=("cpuset", *ALL), version2_mount=MOUNT, is_writable=True, own_group=SESSION
    ),
    systemd=Systemd(is_running=True),
    interpreters=(Interpreter("python3.11", "3.11.2", "/usr/bin/python3.11", "/usr"),),
    distribution=("debian",),
)
ANN = replace(
    ROOT,
    user=User("ann", 1000),
    user_namespaces=UserNamespaces(
        most=63_000,
        tools=("newuidmap", "newgidmap"),
        subordinate_uids=65_536,
        subordinate_gids=65_536,
        free_range=231_072,
    ),
    control_groups=ControlGroups(
        version2=("cpuset", *ALL), version2_mount=MOUNT, own_group=SCOPE, delegated=ALL
    ),
    systemd=Systemd(
        is_running=True, has_user_manager=True, knows_user_manager=True, offered=("cpuset", *ALL)
    ),
)


def kernel(machine: Machine, **facts: Any) -> Machine:
    return replace(machine, kernel=replace(machine.kernel, **facts))


def user(machine: Machine, **facts: Any) -> Machine:
    return replace(machine, user=replace(machine.user, **facts))


def ids(**facts: Any) -> Machine:
    return replace(ANN, user_namespaces=replace(ANN.user_namespaces, **facts))


def refused(**facts: Any) -> Machine:
    return kernel(ids(**facts), namespaces_error="unshare: Operation not permitted")


def groups(machine: Machine, **facts: Any) -> Machine:
    return replace(machine, control_groups=replace(machine.control_groups, **facts))


def undelegated(own_group: str = SESSION, **facts: Any) -> Machine:
    machine = groups(ANN, own_group=own_group, delegated=None)
    return replace(machine, systemd=replace(machine.systemd, **facts))


def finding(machine: Machine, subject: str) -> Finding:
    (found,) = [each for each in diagnose(machine)[0] if each.subject == subject]
    return found


def strength(machine: Machine) -> Strength:
    return diagnose(machine)[1]


def test_root_of_a_good_machine_has_nothing_to_wish_for() -> None:
    assert {each.state for each in diagnose(ROOT)[0]} == {State.OK}
    assert strength(ROOT) == Strength("namespaces", True, "made by root", "lambdad serve")


def test_a_prepared_user_lacks_nothing_but_root() -> None:
    findings, strongest = diagnose(ANN)
    assert [each.subject for each in findings if each.state is not State.OK] == ["rights"]
    assert (strongest.sandbox, strongest.is_isolating) == ("namespaces", True)
    assert strongest.weaknesses == ()


MISSING = [
    ("rights", user(ROOT, can_administer=False), "CAP_SYS_ADMIN", "container", ""),
    ("rights", user(ROOT, has_environment_ids=False), "user namespace", "1900000000", ""),
    ("kernel", kernel(ROOT, system="Darwin", release="23.1.0"), "Darwin", "Linux's", ""),
    ("kernel", kernel(ROOT, architecture="riscv64"), "riscv64", "aarch64", ""),
    ("kernel", kernel(ROOT, release="5.10.0-28-amd64"), "5.10", "mount_setattr", ""),
    ("kernel", kernel(ROOT, calls_error="openat2: no"), "6.1", "openat2: no", ""),
    ("seccomp", kernel(ANN, seccomp_error="seccomp: no"), "seccomp: no", "every call", ""),
    (
        "namespaces",
        replace(kernel(ROOT, namespaces_error="unshare: no"), container="podman"),
        "unshare: no",
        "container",
        "podman run --privileged --cgroupns=private IMAGE",
    ),
    (
        "user namespaces",
        refused(unprivileged_clone=0),
        "not permitted",
        "kernel.unprivileged_userns_clone is 0",
        "sudo sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    (
        "user namespaces",
        refused(most=0),
        "not permitted",
        "user.max_user_namespaces is 0",
        "sudo sysctl -w user.max_user_namespaces=15000",
    ),
    (
        "user namespaces",
        refused(apparmor_restricts=1),
        "not permitted",
        "kernel.apparmor_restrict_unprivileged_userns is 1",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("user namespaces", refused(is_filtered=True), "not permitted", "system-call filter", ""),
    ("user namespaces", refused(), "not permitted", "No setting", ""),
    (
        "newuidmap",
        ids(tools=()),
        "no newuidmap and no newgidmap",
        "without root",
        "sudo apt-get install uidmap",
    ),
    (
        "newuidmap",
        replace(ids(tools=("newuidmap",)), distribution=("rocky", "rhel", "centos")),
        "no newgidmap",
        "without root",
        "sudo dnf install shadow-utils",
    ),
    ("newuidmap", replace(ids(tools=()), distribution=("own",)), "no newuidmap", "", ""),
    ("newuidmap", ids(mapping_error="write failed"), "write failed", "set-uid", ""),
    (
        "subordinate ids",
        ids(subordinate_gids=0),
        "0 group ids",
        "/etc/subgid",
        "echo ann:231072:65536 | sudo tee -a /etc/subuid /etc/subgid",
    ),
    (
        "cgroups",
        groups(ROOT, version2=(), version2_mount=""),
        "none",
        "Neither version",
        "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
    ),
    (
        "cgroups",
        groups(ROOT, version1=("memory",), version2_mount=f"{MOUNT}/unified"),
        "version 1: memory",
        "Neither version",
        "",
    ),
    ("cgroups", groups(ROOT, version2=("cpu", "pids")), "version 2: cpu", "for memory", ""),
    ("cgroups", groups(ROOT, is_of_another_namespace=True), "version 2", "outside", ""),
    ("cgroups", groups(ROOT, is_writable=False), "version 2", "read-only", ""),
]


@pytest.mark.parametrize(("subject", "machine", "what", "why", "command"), MISSING)
def test_what_isolation_needs_is_missing_with_its_reason(
    subject: str, machine: Machine, what: str, why: str, command: str
) -> None:
    # When
    found = finding(machine, subject)
    # Then
    assert found.state is State.MISSING
    assert what in found.what
    assert why in found.why
    assert found.command == command
    # And then nothing isolates
    assert (strength(machine).sandbox, strength(machine).is_isolating) == ("process", False)


WEAKER = [
    ("rights", ANN, "ann, uid 1000", "Root", 'sudo "$(command -v lambdad)" serve'),
    (
        "subordinate ids",
        ids(subordinate_uids=1_000),
        "1,000 of 65,536",
        "Each environment",
        "echo ann:231072:65536 | sudo tee -a /etc/subuid /etc/subgid",
    ),
    (
        "cgroups",
        undelegated(),
        "not delegated to you (version 2: memory, cpu, pids, freeze)",
        "Your systemd manager delegates",
        "systemd-run --user --scope -p Delegate=yes lambdad serve",
    ),
    (
        "cgroups",
        undelegated(knows_user_manager=False),
        "not delegated",
        "Your systemd manager delegates",
        "XDG_RUNTIME_DIR=/run/user/1000 systemd-run --user --scope -p Delegate=yes lambdad serve",
    ),
    (
        "cgroups",
        undelegated(has_user_manager=False),
        "not delegated",
        "No systemd manager",
        "sudo loginctl enable-linger ann",
    ),
    (
        "cgroups",
        undelegated(is_running=False),
        "not delegated",
        "does not run",
        'sudo "$(command -v lambdad)" serve',
    ),
    (
        "cgroups",
        groups(undelegated(offered=("memory", "pids")), delegated=("memory", "pids")),
        "delegated to you without cpu",
        "log in again",
        "sudo mkdir -p /etc/systemd/system/user@.service.d && "
        "printf '[Service]\\nDelegate=cpu memory pids\\n' | "
        "sudo tee /etc/systemd/system/user@.service.d/lambdad.conf && "
        "sudo systemctl daemon-reload",
    ),
    (
        "cgroups",
        undelegated("/system.slice/functions.service"),
        "not delegated",
        "functions.service does not delegate",
        "sudo mkdir -p /etc/systemd/system/functions.service.d && "
        "printf '[Service]\\nDelegate=yes\\n' | "
        "sudo tee /etc/systemd/system/functions.service.d/lambdad.conf && "
        "sudo systemctl daemon-reload",
    ),
    (
        "cgroups",
        groups(undelegated(), version1=(*ALL, "freezer"), version2=()),
        "version 1: memory, cpu, pids, freezer; version 2: freeze",
        "version 2 alone",
        "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&systemd.unified_cgroup_hierarchy=1 /' "
        "/etc/default/grub && sudo update-grub",
    ),
    ("favordynmods", kernel(ROOT, release="5.15.0"), "not in this kernel", "14 ms", ""),
    (
        "descriptors",
        replace(ROOT, resources=replace(ROOT.resources, descriptors=4_096)),
        "4,096: room for 487 environments",
        "up to 8 descriptors",
        "prlimit --pid $$ --nofile=65536:65536",
    ),
    (
        "egress",
        replace(ANN, egress=Egress({"slirp4netns": None, "nftables": None})),
        "no slirp4netns and no nftables",
        "--egress",
        "sudo apt-get install slirp4netns nftables",
    ),
    (
        "egress",
        replace(ROOT, egress=Egress(tun_error="/dev/net/tun: Permission denied")),
        "/dev/net/tun: Permission denied",
        "slirp4netns makes",
        "",
    ),
]


@pytest.mark.parametrize(("subject", "machine", "what", "why", "command"), WEAKER)
def test_what_works_with_less_is_told_with_its_reason(
    subject: str, machine: Machine, what: str, why: str, command: str
) -> None:
    # When
    found = finding(machine, subject)
    # Then
    assert found.state is State.WEAKER
    assert what in found.what
    assert why in found.why
    assert found.command == command
    # And it isolates all the same
    assert strength(machine).is_isolating


OK = [
    ("kernel", kernel(ROOT, release="5.12.0"), "mount calls of 5.12"),
    ("kernel", kernel(ROOT, release="6.18.44-fc-v657", architecture="aarch64"), "cgroup.kill"),
    ("cgroups", groups(ROOT, version1=(*ALL, "freezer")), "version 1: memory, cpu, pids, freezer"),
    ("cgroups", ANN, f"memory, cpu, pids are delegated to you in {SCOPE}"),
    ("favordynmods", groups(kernel(ROOT, release="5.15"), has_favordynmods=True), "0.05 ms"),
    ("descriptors", replace(ROOT, resources=Resources(None, 512, 0, 1)), "no limit"),
    ("memory", ROOT, "16.0 GB, 8.0 GB available"),
    ("memory", replace(ROOT, resources=Resources(None, 512, 0, 1)), "0.5 GB"),
    ("egress", ROOT, "slirp4netns and nftables"),
    ("cores", ROOT, "4"),
    ("runtimes", ROOT, "Python 3.11.2"),
]


@pytest.mark.parametrize(("subject", "machine", "what"), OK)
def test_what_is_there_is_named(subject: str, machine: Machine, what: str) -> None:
    found = finding(machine, subject)
    assert found.state is State.OK
    assert what in found.what
    assert (found.why, found.command) == ("", "")


def test_other_languages_are_named_too() -> None:
    node = Interpreter("nodejs20.x", "20.20.2", "/usr/bin/node", "/usr")
    found = finding(replace(ANN, languages=(node,)), "runtimes")
    assert found.what == "Python 3.11.2; nodejs20.x (20.20.2)"


def test_a_machine_without_python_isolates_but_runs_nothing() -> None:
    machine = replace(ANN, interpreters=())
    found = finding(machine, "runtimes")
    assert (found.state, found.command) == (State.MISSING, "sudo apt-get install python3")
    assert strength(machine).is_isolating


@pytest.mark.parametrize(
    ("delegated", "weaknesses"),
    [
        (ALL, []),
        (("memory", "pids"), ["CPU"]),
        ((), ["RLIMIT_DATA", "CPU", "processes"]),
        (None, ["RLIMIT_DATA", "CPU", "processes", "SIGSTOP"]),
    ],
)
def test_each_control_group_that_is_not_delegated_is_a_weakness(
    delegated: tuple[str, ...] | None, weaknesses: list[str]
) -> None:
    told = strength(groups(ANN, delegated=delegated)).weaknesses
    assert len(told) == len(weaknesses)
    for sentence, word in zip(told, weaknesses, strict=True):
        assert word in sentence


def test_groups_outside_of_the_own_namespace_are_nobodys() -> None:
    machine = groups(ANN, is_of_another_namespace=True)
    assert finding(machine, "cgroups").state is State.WEAKER
    assert len(strength(machine).weaknesses) == 4


def test_user_namespaces_do_not_concern_root() -> None:
    subjects = {each.subject for each in diagnose(ROOT)[0]}
    assert subjects.isdisjoint({"user namespaces", "newuidmap", "subordinate ids"})


@pytest.mark.parametrize("machine", [row[1] for row in [*MISSING, *WEAKER, *OK]])
def test_whatever_is_not_ok_says_why(machine: Machine) -> None:
    for found in diagnose(machine)[0]:
        assert bool(found.why) == (found.state is not State.OK)
        assert found.what
