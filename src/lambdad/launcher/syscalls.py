"""The system calls that Python does not offer, through ctypes; Linux on x86-64 and arm64.

Every function raises OSError with the call's errno. Numbers and structures are those of the
kernel's headers.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import socket
import struct
from fcntl import ioctl
from typing import Any, Optional

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MNT_DETACH = 2

MOUNT_ATTR_RDONLY = 1
MOUNT_ATTR_NOSUID = 2
MOUNT_ATTR_NODEV = 4
_MOUNT_ATTR_IDMAP = 0x00100000

_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_F_EMPTY_PATH = 4
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_LAST_CAPABILITY = 63
_SECCOMP_SET_MODE_FILTER = 1
_CAPABILITY_VERSION_3 = 0x20080522

# The calls that differ between the two architectures; those from 424 on are the same on all.
_NUMBERS = {
    "x86_64": {"clone": 56, "capset": 126, "pivot_root": 155, "setns": 308, "seccomp": 317},
    "aarch64": {"clone": 220, "capset": 91, "pivot_root": 41, "setns": 268, "seccomp": 277},
}
_SAME_EVERYWHERE = {
    "open_tree": 428,
    "move_mount": 429,
    "close_range": 436,
    "openat2": 437,
    "mount_setattr": 442,
}

_libc = ctypes.CDLL(None, use_errno=True)


def _number(name: str) -> int:
    if name in _SAME_EVERYWHERE:
        return _SAME_EVERYWHERE[name]
    machine = platform.machine()
    if machine not in _NUMBERS:
        raise OSError(f"namespaces are not available on {machine} (x86_64 and aarch64 are)")
    return _NUMBERS[machine][name]


def _check(result: int, name: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def _syscall(name: str, *arguments: Any) -> int:
    wrapped = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    _libc.syscall.restype = ctypes.c_long
    return _check(_libc.syscall(ctypes.c_long(_number(name)), *wrapped), name)


def _text(value: Optional[str]) -> Optional[bytes]:
    return value.encode() if value is not None else None


def unshare(flags: int) -> None:
    """Leave the namespaces in `flags` for new ones."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def fork_into_new_pid_namespace() -> int:
    """fork(2), with a child that is process 1 of a new PID namespace. The interpreter and the C
    library do not hear of this fork: the child must become another program soon."""
    return _syscall("clone", CLONE_NEWPID | signal.SIGCHLD, 0, 0, 0, 0)


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace that `descriptor` names."""
    _syscall("setns", descriptor, kind)


def mount(
    source: Optional[str],
    target: str,
    kind: Optional[str],
    flags: int,
    options: Optional[str] = None,
) -> None:
    """mount(2)."""
    result = _libc.mount(
        _text(source), _text(target), _text(kind), ctypes.c_ulong(flags), _text(options)
    )
    _check(result, f"mount {target}")


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2)."""
    _check(_libc.umount2(_text(target), ctypes.c_int(flags)), f"umount {target}")


def pivot_root(new_root: str, put_old: str) -> None:
    """Make `new_root` the root of this mount namespace."""
    _syscall("pivot_root", _text(new_root), _text(put_old))


def open_beneath(directory: int, path: str) -> int:
    """An O_PATH descriptor of `path` beneath `directory`, no symbolic link followed."""
    how = struct.pack("QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS)
    return _syscall("openat2", directory, _text(path), ctypes.c_char_p(how), len(how))


def clone_mount(descriptor: int, attributes: int, mapping: Optional[int] = None) -> int:
    """A detached mount of what `descriptor` (O_PATH) names, with mount `attributes` set, and with
    the owners of files mapped by a user namespace. What is mounted below comes along only where a
    user namespace forbids to leave it out."""
    flags = _OPEN_TREE_CLONE | _AT_EMPTY_PATH | os.O_CLOEXEC
    try:
        tree = _syscall("open_tree", descriptor, b"", flags)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        tree = _syscall("open_tree", descriptor, b"", flags | _AT_RECURSIVE)
    if mapping is not None:
        attributes |= _MOUNT_ATTR_IDMAP
    wanted = struct.pack("QQQQ", attributes, 0, 0, mapping or 0)
    try:
        _syscall(
            "mount_setattr", tree, b"", _AT_EMPTY_PATH | _AT_RECURSIVE,
            ctypes.c_char_p(wanted), len(wanted),
        )  # fmt: skip
    except OSError:
        os.close(tree)
        raise
    return tree


def move_mount(descriptor: int, target: str) -> None:
    """Attach the detached mount `descriptor` at `target` of this mount namespace."""
    _syscall("move_mount", descriptor, b"", _AT_FDCWD, _text(target), _MOVE_MOUNT_F_EMPTY_PATH)


def close_range(first: int, last: int) -> None:
    """Close all descriptors from `first` to `last`."""
    _syscall("close_range", first, last, 0)


def prctl(option: int, argument: int = 0, second: int = 0) -> None:
    """prctl(2)."""
    result = _libc.prctl(
        ctypes.c_int(option), ctypes.c_ulong(argument), ctypes.c_ulong(second),
        ctypes.c_ulong(0), ctypes.c_ulong(0),
    )  # fmt: skip
    _check(result, f"prctl {option}")


def die_with_parent() -> None:
    """Be killed when the parent dies. setresuid clears this: call it again afterwards."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def drop_bounding_capabilities(keep: int = 0) -> None:
    """Give up every capability but those in the bit set `keep`, for this process's programs too."""
    for capability in range(_LAST_CAPABILITY + 1):
        if not keep >> capability & 1:
            try:
                prctl(_PR_CAPBSET_DROP, capability)
            except OSError:
                break  # beyond the kernel's last capability


def set_capabilities(capabilities: int) -> None:
    """Make `capabilities` (a bit set) the effective and permitted ones; none is inheritable."""
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    low, high = capabilities & 0xFFFFFFFF, capabilities >> 32
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    content = struct.pack("IIIIII", low, low, 0, high, high, 0)
    _syscall("capset", ctypes.c_char_p(header), ctypes.c_char_p(content))


def no_new_privileges() -> None:
    """No program that this process starts ever gains a privilege."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def seccomp_filter(program: bytes) -> None:
    """Let the BPF `program` judge every system call from now on."""
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_description = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    _syscall("seccomp", _SECCOMP_SET_MODE_FILTER, 0, ctypes.c_char_p(filter_description))


def bring_loopback_up() -> None:
    """Switch on `lo` of this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        up_and_running = 0x1 | 0x40
        ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", up_and_running))  # SIOCSIFFLAGS


def sethostname(name: str) -> None:
    """Name this UTS namespace."""
    _check(_libc.sethostname(_text(name), len(name)), "sethostname")
