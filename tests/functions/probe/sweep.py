"""Many attacks in one invocation, and what became of each."""

import errno
import os
import resource
import socket

import attacks
import inspection

NEW_MOUNTS, NEW_USER, NEW_NETWORK, NEW_PIDS = 0x00020000, 0x10000000, 0x40000000, 0x20000000
SIGCHLD, PTRACE_TRACEME, PTRACE_ATTACH = 17, 0, 16
RUNTIME_API, ENDPOINT = 9001, 4566

CALLS = [
    ("mount", "none", "/tmp", "tmpfs", 0, 0),
    ("umount2", "/var/task", 2),
    ("pivot_root", "/tmp", "/tmp"),
    ("chroot", "/tmp"),
    ("open_tree", -100, "/", 1),
    ("move_mount", -100, "/tmp", -100, "/var/task", 0),
    ("fsopen", "tmpfs", 0),
    ("mount_setattr", -100, "/", 0, "null_buffer", 32),
    ("unshare", NEW_USER),
    ("unshare", NEW_USER | NEW_MOUNTS),
    ("unshare", NEW_NETWORK),
    ("unshare", NEW_PIDS),
    ("clone", NEW_USER | SIGCHLD, 0),
    ("clone3", "null_buffer", 88),
    ("ptrace", PTRACE_ATTACH, 1, 0, 0),
    ("ptrace", PTRACE_TRACEME, 0, 0, 0),
    ("process_vm_readv", 1, "null_buffer", 1, "null_buffer", 1, 0),
    ("pidfd_getfd", 0, 0, 0),
    ("bpf", 0, "null_buffer", 128),
    ("perf_event_open", "null_buffer", 0, -1, -1, 0),
    ("userfaultfd", 1),
    ("io_uring_setup", 8, "null_buffer"),
    ("keyctl", 0, -3, 1),
    ("add_key", "user", "name", "value", 5, -3),
    ("request_key", "user", "name", 0, -3),
    ("open_by_handle_at", 0, "null_buffer", 0),
    ("name_to_handle_at", -100, "/", "null_buffer", "null_buffer", 0),
    ("personality", 0x0040000),
    ("init_module", "null_buffer", 0, ""),
    ("syslog", 3, "null_buffer", 128),
    ("sethostname", "evil", 4),
    ("reboot", 0xFEE1DEAD, 672274793, 0),
]
WRITES = ["/x", "/var/task/x", "/var/task/app.py", "/var/runtime/x", "/opt/x", "/etc/passwd",
          "/etc/resolv.conf", "/usr/bin/x", "/usr/lib/x", "/dev/x", "/run/x", "/run/network",
          "/run/proc/x", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches",
          "/proc/sys/kernel/hostname"]  # fmt: skip
CLOSED = ["/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/kmsg",
          "/proc/sched_debug", "/proc/sysrq-trigger", "/proc/latency_stats",
          "/proc/kpagecount"]  # fmt: skip
ABSENT = ["/sys", "/dev/shm", "/dev/mem", "/dev/kmsg", "/dev/pts", "/dev/fuse", "/dev/kvm",
          "/dev/net", "/root", "/home", "/boot", "/etc/shadow", "/var/lib/dpkg",
          "/var/lib/lambdad", "/var/log"]  # fmt: skip


def sweep():
    """Everything at once."""
    status = inspection.process_status()
    return {
        "calls": {f"{call[0]} {call[1:]}": _refusal(_call, call) for call in CALLS},
        "others": _others(),
        "writes": {path: _refusal(attacks.open_path, path, "w") for path in WRITES},
        "closed": {path: _closing(path) for path in CLOSED},
        "present": [path for path in ABSENT if os.path.lexists(path)],
        "capabilities": {key: status[key] for key in status if key.startswith("Cap")},
        "no_new_privs": status["NoNewPrivs"],
        "seccomp": status["Seccomp"],
        "groups": os.getgroups(),
        "descriptors": inspection.descriptors(),
        "ports": _ports_of_sockets(),
        "interfaces": inspection.interfaces(),
        "pids": [int(name) for name in os.listdir("/proc") if name.isdigit()],
        "pid": os.getpid(),
        "uid": os.getuid(),
        "pid_namespace": os.readlink("/proc/self/ns/pid"),
        "mounts": inspection.mounts(),
        "limits": {
            name: resource.getrlimit(getattr(resource, name))
            for name in ("RLIMIT_NOFILE", "RLIMIT_CORE")
        },
    }


def _others():
    """Attacks that are more than one call."""
    return {
        "become root": _refusal(attacks.become, 0, 0),
        "device node": _refusal(attacks.make_device),
        "raw socket": _refusal(attacks.raw_socket),
        "packets": _refusal(attacks.raw_socket, "AF_PACKET", "SOCK_RAW", 768),
        "kernel's crypto": _refusal(attacks.raw_socket, "AF_ALG", "SOCK_SEQPACKET", 0),
        "more files": _refusal(attacks.raise_limit),
        "become root by a map": _refusal(_write, "/proc/self/uid_map", "0 0 1"),
        "other network": _refusal(_enter, "/run/network"),
        "zygote's processes": _refusal(_enter, "/proc/self/ns/pid_for_children"),
        "memory of another": _refusal(attacks.open_path, "/proc/2/mem", "r"),
        "signal to another": _refusal(attacks.kill, 2, 0),
    }


def _call(call):
    attacks.in_child(call[0], call[1:])


def _write(path, text):
    with open(path, "w") as file:
        file.write(text)


def _enter(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        attacks.system_call("setns", (descriptor, 0))
    finally:
        os.close(descriptor)


def _refusal(attack, *arguments):
    """The error's name; "possible" when there was none."""
    try:
        attack(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    except ValueError:
        return "ValueError"
    return "possible"


def _closing(path):
    """Nobody may read it, or it is /dev/null."""
    try:
        if os.stat(path).st_rdev == os.makedev(1, 3):
            return "covered"
        with open(path, "rb") as file:
            file.read(16)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "possible"


def _ports_of_sockets():
    """Where the open sockets are connected to; -1 for one that is not."""
    found = []
    for name, target in inspection.descriptors().items():
        if target.startswith("socket:"):
            try:
                with socket.socket(fileno=os.dup(int(name))) as connection:
                    found.append(connection.getpeername()[1])
            except OSError:
                found.append(-1)
    return found


PROBES = {"sweep": sweep}
