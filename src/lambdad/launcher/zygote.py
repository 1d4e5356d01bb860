"""The zygote: one warmed interpreter per runtime version and account, forked per environment.

It is process 1 of a PID namespace of its own, already inside the read-only root, single-threaded,
and never runs a line of a function's code. The launcher sends `fork` packets; each makes a child
in a PID namespace of its own below the zygote's, so that the kernel ends every environment with
its zygote, and every zygote with the launcher.

    launcher ── fork {id, uid, …} + descriptors ──▶ zygote ── fork ──▶ environment
             ◀── forked {id} + pidfd, exited {id, status} ──
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import platform
import select
import signal
import socket
import sys
import threading
import traceback
from typing import Any, Dict, List

from lambdad.launcher import entering, packets, seccomp
from lambdad.launcher import syscalls as calls

_NAMESPACES = (
    calls.CLONE_NEWNS | calls.CLONE_NEWNET | calls.CLONE_NEWIPC | calls.CLONE_NEWUTS
    | calls.CLONE_NEWCGROUP
)  # fmt: skip
_MASKED = ("/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/timer_list", "/proc/sched_debug",
           "/proc/sysrq-trigger", "/proc/kmsg", "/proc/latency_stats")  # fmt: skip
_READ_ONLY = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs")
_PROC_FLAGS = calls.MS_NOSUID | calls.MS_NODEV | calls.MS_NOEXEC
_TMP_INODES_PER_MB = 256
_COULD_NOT_FORK = 1 << 8  # a wait status: exit status 1


def main(control_descriptor: int) -> None:
    """Warm up, say so, and serve `fork` packets until the launcher is gone."""
    sys.path[:] = [p for p in sys.path if p != os.environ.get("LAMBDAD_SOURCE")]
    sys.path.append("/var/runtime")
    bootstrap = importlib.import_module("bootstrap")  # the runtime, at /var/runtime
    bootstrap.preload()
    zygote = Zygote(packets.from_descriptor(control_descriptor), bootstrap)
    calls.unmount(os.environ["LAMBDAD_SOURCE"])
    calls.drop_bounding_capabilities()  # once, instead of in every child; we keep our own
    gc.collect()
    gc.freeze()
    zygote.serve()


class Zygote:
    """Forks environments and reaps them."""

    def __init__(self, control: socket.socket, bootstrap: Any) -> None:
        self._control = control
        self._bootstrap = bootstrap
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._filter = seccomp.filter_program(platform.machine())
        self._environments: Dict[int, str] = {}
        self._masked = [path for path in _MASKED if os.path.exists(path)]
        self._read_only = [path for path in _READ_ONLY if os.path.exists(path)]
        self._wakeup, wakeup_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakeup_end)

    def serve(self) -> None:
        """The loop: packets of the launcher, and children that ended."""
        packets.send(self._control, {"type": "ready"})
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        poll.register(self._wakeup, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._wakeup in ready:
                os.read(self._wakeup, 4096)
                self._reap()
            if self._control.fileno() in ready:
                packet = packets.receive(self._control)
                if packet is None:
                    return  # the launcher is gone, and everything below us ends with us
                self._fork(*packet)

    def _fork(self, request: Dict[str, Any], descriptors: List[int]) -> None:
        try:
            pid = self._fork_into_new_namespace(request, descriptors)
        except OSError:  # no process, or no memory, is to be had just now
            self._tell_exited(request["id"], _COULD_NOT_FORK)
            return
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._environments[pid] = request["id"]
        pidfd = calls.pidfd_open(pid)
        packets.send(self._control, {"type": "forked", "id": request["id"]}, [pidfd])
        os.close(pidfd)

    def _fork_into_new_namespace(self, request: Dict[str, Any], descriptors: List[int]) -> int:
        calls.unshare(calls.CLONE_NEWPID)
        pid = -1
        try:
            pid = os.fork()
            if pid == 0:
                self._become_environment(request, descriptors)
        finally:
            if pid != 0:  # also when there was no fork: the next unshare needs us here
                calls.setns(self._own_pids, calls.CLONE_NEWPID)
        return pid

    def _tell_exited(self, environment_id: str, status: int) -> None:
        packets.send(self._control, {"type": "exited", "id": environment_id, "status": status})

    def _reap(self) -> None:
        while self._environments:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._tell_exited(self._environments.pop(pid), status)

    def _become_environment(self, request: Dict[str, Any], descriptors: List[int]) -> None:
        """In the child: take every step into the sandbox; never returns."""
        channel_descriptor, output, code, *entrances = descriptors
        channel = packets.from_descriptor(channel_descriptor)
        try:
            self._control.close()
            entering.reset_inherited_state()
            os.setsid()
            self._isolate(request, code, entrances)
            listeners = entering.open_listeners(entering.RUNTIME_API_PORT, entering.ENDPOINT_PORT)
            entering.take_output(output)
            entering.limit_resources()
            self._give_up_privileges(request["uid"])
            variables = entering.receive_assignment(channel, listeners)
            channel.close()
            entering.close_all_but([])
        except BaseException:
            _say_and_exit(channel, traceback.format_exc(limit=-2))
        try:
            entering.run_runtime(variables, self._bootstrap.run)
        finally:
            _leave()

    def _isolate(self, request: Dict[str, Any], code: int, entrances: List[int]) -> None:
        for entrance in entrances:  # before the cgroup namespace, whose root is where we stand
            os.write(entrance, b"0")
            os.close(entrance)
        calls.unshare(_NAMESPACES)
        calls.sethostname("sandbox")
        calls.unmount("/proc")
        calls.mount("proc", "/proc", "proc", _PROC_FLAGS)
        self._cover_proc()
        size_mb = request["ephemeral_storage_mb"]
        options = f"size={size_mb}m,mode=1777,nr_inodes={size_mb * _TMP_INODES_PER_MB}"
        calls.mount("tmp", "/tmp", "tmpfs", calls.MS_NOSUID | calls.MS_NODEV, options)  # noqa: S108
        calls.move_mount(code, "/var/task")
        os.close(code)
        calls.bring_loopback_up()

    def _cover_proc(self) -> None:
        for path in self._masked:
            calls.mount("/dev/null", path, None, calls.MS_BIND)
        for path in self._read_only:
            calls.mount(path, path, None, calls.MS_BIND | calls.MS_REC)
            flags = calls.MS_BIND | calls.MS_REMOUNT | calls.MS_RDONLY | _PROC_FLAGS
            calls.mount(None, path, None, flags)

    def _give_up_privileges(self, uid: int) -> None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        calls.set_capabilities(0)
        calls.prctl(calls.PR_SET_DUMPABLE, 1)  # its own /proc/self is its own again
        calls.die_with_parent()
        calls.no_new_privileges()
        calls.seccomp_filter(self._filter)


def _say_and_exit(channel: socket.socket, failure: str) -> None:
    try:
        packets.send(channel, {"failed": failure})
    finally:  # whatever happens, this process must not go on as a second zygote
        os._exit(1)


def _leave() -> None:
    """End the process as an interpreter ends, without unwinding into the zygote's loop: threads
    are waited for, and what was registered to be run at the end is run."""
    failure = sys.exc_info()[1]
    status = 0
    if isinstance(failure, SystemExit):
        status = failure.code if isinstance(failure.code, int) else int(failure.code is not None)
    elif failure is not None:
        traceback.print_exc()
        status = 1
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException:
        traceback.print_exc()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(status & 0xFF)
