"""A function has no privilege that it could use, and none that it could get."""

from __future__ import annotations

import errno

import pytest

from lambdad.testing.server import LocalServer
from support.ordinary_user import SUBORDINATE_IDS, OrdinaryUsersServer
from support.probes import Probe
from support.processes import environment_of
from support.sandboxes import ON_ISOLATED

pytestmark = [*ON_ISOLATED, pytest.mark.slow]

REFUSED = (errno.EPERM, errno.ENOSYS)
NS_USER, NS_MOUNT, NS_NET = 0x10000000, 0x00020000, 0x40000000


def test_a_function_runs_as_a_user_of_its_own(
    probe: Probe, neighbour: Probe, server: LocalServer
) -> None:
    mine, theirs = probe.ask("identity"), neighbour.ask("identity")
    for identity in (mine, theirs):
        assert len(set(identity["uid"])) == len(set(identity["gid"])) == 1
        assert identity["gid"] == identity["uid"]
        assert identity["groups"] == []
    assert mine["uid"] != theirs["uid"]
    # And the machine has set these users aside for functions
    for each in (probe, neighbour):
        (uid,) = set(environment_of(server, each.ask("namespaces")["pid"]).uids())
        assert uid in ids_of_functions(server)


def ids_of_functions(server: LocalServer) -> range:
    """The user ids that are no others' on this machine: neither root's nor the server's."""
    if isinstance(server, OrdinaryUsersServer):
        return SUBORDINATE_IDS
    return range(1_900_000_000, 2_000_000_000)


@pytest.mark.parametrize("kind", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
def test_a_function_has_no_capability(probe: Probe, kind: str) -> None:
    assert int(probe.ask("process_status")[kind], 16) == 0


def test_a_function_cannot_gain_privileges_and_is_filtered(probe: Probe) -> None:
    status = probe.ask("process_status")
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


def test_a_function_cannot_become_another_user(probe: Probe) -> None:
    for uid in (0, 1, 1_899_999_999):  # in a user namespace not all of them exist
        assert probe.errno_of("become", uid=uid, gid=uid) in (errno.EPERM, errno.EINVAL)


def test_there_is_no_set_user_id_program_with_an_effect(probe: Probe) -> None:
    # Host programs may bear the bit; mounts and no_new_privs take its meaning away
    for line in probe.ask("mounts"):
        is_device = " - devtmpfs " in line
        assert is_device or "nosuid" in line.split()[5].split(","), line


def test_no_set_user_id_program_can_be_made(probe: Probe) -> None:
    assert probe.errno_of("make_setuid") == errno.EPERM


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("mount", ("none", "/tmp", "tmpfs", 0, 0)),
        ("umount2", ("/proc", 2)),
        ("pivot_root", ("/tmp", "/tmp")),
        ("chroot", ("/tmp",)),
        ("open_tree", (-100, "/tmp", 1)),
        ("move_mount", (-100, "/tmp", -100, "/tmp", 0)),
        ("fsopen", ("tmpfs", 0)),
        ("mount_setattr", (-100, "/tmp", 0, "null_buffer", 32)),
        ("unshare", (NS_USER,)),
        ("unshare", (NS_MOUNT,)),
        ("unshare", (NS_NET,)),
        ("setns", (0, 0)),
        ("clone", (NS_USER | 17, 0)),
        ("clone3", ("null_buffer", 88)),
        ("ptrace", (16, 1, 0, 0)),
        ("process_vm_readv", (1, "null_buffer", 1, "null_buffer", 1, 0)),
        ("pidfd_getfd", (0, 0, 0)),
        ("kcmp", (1, 1, 0, 0, 0)),
        ("bpf", (0, "null_buffer", 128)),
        ("perf_event_open", ("null_buffer", 0, -1, -1, 0)),
        ("userfaultfd", (0,)),
        ("userfaultfd", (1,)),
        ("io_uring_setup", (8, "null_buffer")),
        ("keyctl", (0, -3, 0)),
        ("add_key", ("user", "name", "value", 5, -3)),
        ("request_key", ("user", "name", 0, -3)),
        ("init_module", ("null_buffer", 0, "")),
        ("finit_module", (0, "", 0)),
        ("delete_module", ("x", 0)),
        ("kexec_load", (0, 0, 0, 0)),
        ("reboot", (0xFEE1DEAD, 672274793, 0)),
        ("swapon", ("/tmp/x", 0)),
        ("acct", (0,)),
        ("settimeofday", ("null_buffer", 0)),
        ("sethostname", ("evil", 4)),
        ("syslog", (3, "null_buffer", 128)),
        ("open_by_handle_at", (0, "null_buffer", 0)),
        ("name_to_handle_at", (-100, "/", "null_buffer", "null_buffer", 0)),
        ("fanotify_init", (0, 0)),
        ("personality", (0x0040000,)),
        ("process_madvise", (0, "null_buffer", 1, 4, 0)),
        ("quotactl_fd", (0, 0, 0, "null_buffer")),
        ("memfd_secret", (0,)),
        ("statmount", ("null_buffer", "null_buffer", 128, 0)),
        ("open_tree_attr", (-100, "/tmp", 1, "null_buffer", 32)),
        ("listns", ("null_buffer", "null_buffer", 16, 0)),
    ],
    ids=str,
)
def test_a_system_call_that_could_lead_out_is_refused(
    probe: Probe, name: str, arguments: tuple[object, ...]
) -> None:
    assert probe.errno_of("in_child", name=name, arguments=arguments) in REFUSED


@pytest.mark.parametrize(
    ("family", "kind", "protocol"),
    [("AF_INET", "SOCK_RAW", 1), ("AF_PACKET", "SOCK_RAW", 768)],
)
def test_raw_sockets_are_refused(probe: Probe, family: str, kind: str, protocol: int) -> None:
    refused = probe.errno_of("raw_socket", family=family, kind=kind, protocol=protocol)
    assert refused in (errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT)


@pytest.mark.parametrize(
    ("family", "kind", "protocol", "refused"),
    [
        ("AF_VSOCK", "SOCK_STREAM", 0, errno.EAFNOSUPPORT),
        ("AF_ALG", "SOCK_SEQPACKET", 0, errno.EAFNOSUPPORT),
        ("AF_INET", "SOCK_STREAM", 132, errno.EPROTONOSUPPORT),
        ("AF_NETLINK", "SOCK_RAW", 12, errno.EPROTONOSUPPORT),
    ],
)
def test_sockets_that_need_a_driver_of_the_hosts_are_refused(
    probe: Probe, family: str, kind: str, protocol: int, refused: int
) -> None:
    assert probe.errno_of("raw_socket", family=family, kind=kind, protocol=protocol) == refused


def test_devices_cannot_be_made(probe: Probe) -> None:
    assert probe.errno_of("make_device") == errno.EPERM
