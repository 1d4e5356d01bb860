"""The steps into a sandbox that are system calls alone, which every zygote takes.

They must be taken in a process that is the first of its PID namespace, in this order: `enter`, for
a new place, or `enter_again`, for the next run in one; then, as the environment's user,
`give_up_privileges`; the filter comes last. A zygote that is not Python has them as data.
"""

from __future__ import annotations

import base64
import os
from typing import Any, Dict

from lambdad.launcher import entering, mounts
from lambdad.launcher import syscalls as calls

_OWN = calls.CLONE_NEWIPC | calls.CLONE_NEWUTS | calls.CLONE_NEWCGROUP
_KEPT = calls.CLONE_NEWNS | calls.CLONE_NEWNET  # from one run of an environment to the next
_MASKED = ("/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/sched_debug",
           "/proc/sysrq-trigger", "/proc/kmsg", "/proc/latency_stats")  # fmt: skip
_READ_ONLY = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs")
_PROC_FLAGS = calls.MS_NOSUID | calls.MS_NODEV | calls.MS_NOEXEC
_MADE_ELSEWHERE = ("unshare", "setns", "eventfd2", "dup3", "pidfd_open", "seccomp",
                   "setitimer")  # fmt: skip


def enter() -> None:
    """Leave every namespace but the one of processes for new ones, and mount what is its own; only
    loopback is to be switched on then."""
    calls.unshare(_OWN | _KEPT)
    calls.sethostname("sandbox")
    _mount_proc()
    mounts.keep_network()
    mounts.mount_tmp()


def enter_again() -> None:
    """The same, from the mounts and the network of an earlier run."""
    calls.unshare(_OWN)
    calls.sethostname("sandbox")
    _mount_proc()


def give_up_privileges() -> None:
    """All that are left to a process whose user has none."""
    calls.set_capabilities(0)
    calls.prctl(calls.PR_SET_DUMPABLE, 1)  # its own /proc/self is its own again
    calls.die_with_parent()
    calls.no_new_privileges()


def to_data(filter_program: bytes) -> Dict[str, Any]:
    """For a zygote that is not Python: these steps and the filter, the numbers of the calls whose
    arguments only the zygote knows, and the limits of a process. Called where the zygote will be,
    since what is covered is what is there."""
    steps = (enter, enter_again, give_up_privileges, calls.drop_bounding_capabilities)
    return {
        "steps": {step.__name__: calls.recorded(step) for step in steps},
        "filter": base64.b64encode(filter_program).decode(),
        "numbers": calls.numbers(*_MADE_ELSEWHERE),
        "network": mounts.NETWORK,
        "listeners": {name: entering.PORTS[n] for n, name in enumerate(entering.LISTENERS)},
        "receive_buffer": entering.RECEIVE_BUFFER,
        "files": entering.FILE_DESCRIPTORS,
        "processes": entering.PROCESSES,
    }


def _mount_proc() -> None:
    """Of our own PID namespace. In a user namespace the kernel lets nobody mount one who does not
    see another, so the old one goes last."""
    calls.mount("proc", mounts.NEW_PROC, "proc", _PROC_FLAGS)
    calls.unmount("/proc")
    calls.mount(mounts.NEW_PROC, "/proc", None, calls.MS_MOVE)
    for path in filter(os.path.exists, _MASKED):
        calls.mount("/dev/null", path, None, calls.MS_BIND)
    for path in filter(os.path.exists, _READ_ONLY):
        calls.mount(path, path, None, calls.MS_BIND | calls.MS_REC)
        flags = calls.MS_BIND | calls.MS_REMOUNT | calls.MS_RDONLY | _PROC_FLAGS
        calls.mount(None, path, None, flags)
