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
from contextvars import ContextVar
from fcntl import ioctl
from typing import Any, Callable, Dict, List, Optional, Union

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
_LAST_CAPABILITY = "/proc/sys/kernel/cap_last_cap"
_SECCOMP_SET_MODE_FILTER = 1
_CAPABILITY_VERSION_3 = 0x20080522

_ARCHITECTURES = ("x86_64", "aarch64")
_FIRST_ON_ALL = 424  # numbers from here on are the same on all architectures
_NUMBERS = {
    "setitimer": (38, 103),
    "clone": (56, 220),
    "capset": (126, 91),
    "pivot_root": (155, 41),
    "prctl": (157, 167),
    "mount": (165, 40),
    "umount2": (166, 39),
    "sethostname": (170, 161),
    "unshare": (272, 97),
    "eventfd2": (290, 19),
    "dup3": (292, 24),
    "setns": (308, 268),
    "seccomp": (317, 277),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "pidfd_open": (434, 434),
    "close_range": (436, 436),
    "openat2": (437, 437),
    "mount_setattr": (442, 442),
}

# A number, a text, a structure (its address is what the kernel gets), or none.
Argument = Union[int, str, bytes, None]
# What was recorded: the call's name, its number, and its arguments, a structure as {"bytes": hex}.
Call = List[Any]

_libc = ctypes.CDLL(None, use_errno=True)
_record: ContextVar[Optional[List[Call]]] = ContextVar("_record", default=None)


def recorded(steps: Callable[[], None]) -> List[Call]:
    """The calls that `steps` makes. None is made: they are for a zygote that is not Python, which
    plays them. It takes the same steps so, and they are written once."""
    calls: List[Call] = []
    token = _record.set(calls)
    try:
        steps()
    finally:
        _record.reset(token)
    return calls


def numbers(*names: str) -> Dict[str, int]:
    """The numbers of these calls on this machine."""
    return {name: _number(name) for name in names}


def _number(name: str) -> int:
    machine, each = platform.machine(), _NUMBERS[name]
    if machine in _ARCHITECTURES:
        return each[_ARCHITECTURES.index(machine)]
    if each[0] < _FIRST_ON_ALL:
        raise OSError(f"namespaces are not available on {machine} (x86_64 and aarch64 are)")
    return each[0]


def _check(result: int, name: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def _syscall(name: str, *arguments: Argument) -> int:
    record = _record.get()
    if record is not None:
        record.append([name, _number(name), *map(_as_data, arguments)])
        return 0
    _libc.syscall.restype = ctypes.c_long
    result = _libc.syscall(ctypes.c_long(_number(name)), *map(_as_passed, arguments))
    return _check(result, " ".join([name, *(a for a in arguments if a and isinstance(a, str))]))


def _as_passed(argument: Argument) -> Any:
    if isinstance(argument, int):
        return ctypes.c_long(argument)
    return argument.encode() if isinstance(argument, str) else argument


def _as_data(argument: Argument) -> Any:
    if isinstance(argument, bytes):
        return {"bytes": argument.hex()}
    return 0 if argument is None else argument


def unshare(flags: int) -> None:
    """Leave the namespaces in `flags` for new ones."""
    _syscall("unshare", flags)


def fork_into_new_pid_namespace() -> int:
    """fork(2), with a child that is process 1 of a new PID namespace. The interpreter and the C
    library do not hear of this fork: the caller must be the only thread (see threads.py), and the
    child must become another program soon."""
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
    _syscall("mount", source, target, kind, flags, options)


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2)."""
    _syscall("umount2", target, flags)


def pivot_root(new_root: str, put_old: str) -> None:
    """Make `new_root` the root of this mount namespace."""
    _syscall("pivot_root", new_root, put_old)


def open_beneath(directory: int, path: str) -> int:
    """An O_PATH descriptor of `path` beneath `directory`, no symbolic link followed."""
    how = struct.pack("QQQ", os.O_PATH | os.O_CLOEXEC, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS)
    return _syscall("openat2", directory, path, how, len(how))


def clone_mount(descriptor: int, attributes: int, mapping: Optional[int] = None) -> int:
    """A detached mount of what `descriptor` (O_PATH) names, with mount `attributes` set, and with
    the owners of files mapped by a user namespace. What is mounted below comes along only where a
    user namespace forbids to leave it out."""
    flags = _OPEN_TREE_CLONE | _AT_EMPTY_PATH | os.O_CLOEXEC
    try:
        tree = _syscall("open_tree", descriptor, "", flags)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        tree = _syscall("open_tree", descriptor, "", flags | _AT_RECURSIVE)
    if mapping is not None:
        attributes |= _MOUNT_ATTR_IDMAP
    wanted = struct.pack("QQQQ", attributes, 0, 0, mapping or 0)
    try:
        flags = _AT_EMPTY_PATH | _AT_RECURSIVE
        _syscall("mount_setattr", tree, "", flags, wanted, len(wanted))
    except OSError:
        os.close(tree)
        raise
    return tree


def move_mount(descriptor: int, target: str) -> None:
    """Attach the detached mount `descriptor` at `target` of this mount namespace."""
    _syscall("move_mount", descriptor, "", _AT_FDCWD, target, _MOVE_MOUNT_F_EMPTY_PATH)


def close_range(first: int, last: int) -> None:
    """Close all descriptors from `first` to `last`."""
    _syscall("close_range", first, last, 0)


def prctl(option: int, argument: int = 0, second: int = 0) -> None:
    """prctl(2), also on machines without sandboxes of ours, which the C library knows."""
    if _record.get() is not None:
        _syscall("prctl", option, argument, second, 0, 0)
        return
    arguments = (ctypes.c_ulong(each) for each in (argument, second, 0, 0))
    _check(_libc.prctl(ctypes.c_int(option), *arguments), f"prctl {option}")


def die_with_parent() -> None:
    """Be killed when the parent dies. setresuid clears this: call it again afterwards."""
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def drop_bounding_capabilities(keep: int = 0) -> None:
    """Give up every capability but those in the bit set `keep`, for this process's programs too."""
    with open(_LAST_CAPABILITY) as file:
        last = int(file.read())
    for capability in range(last + 1):
        if not keep >> capability & 1:
            prctl(_PR_CAPBSET_DROP, capability)


def set_capabilities(capabilities: int) -> None:
    """Make `capabilities` (a bit set) the effective and permitted ones; none is inheritable."""
    prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    low, high = capabilities & 0xFFFFFFFF, capabilities >> 32
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    content = struct.pack("IIIIII", low, low, 0, high, high, 0)
    _syscall("capset", header, content)


def no_new_privileges() -> None:
    """No program that this process starts ever gains a privilege."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def seccomp_filter(program: bytes) -> None:
    """Let the BPF `program` judge every system call from now on."""
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_description = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    _syscall("seccomp", _SECCOMP_SET_MODE_FILTER, 0, filter_description)


def bring_loopback_up() -> None:
    """Switch on `lo` of this network namespace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        up_and_running = 0x1 | 0x40
        ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", up_and_running))  # SIOCSIFFLAGS


def sethostname(name: str) -> None:
    """Name this UTS namespace."""
    _syscall("sethostname", name, len(name))
