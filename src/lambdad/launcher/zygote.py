"""The zygote: one warmed interpreter per runtime version and account, forked per environment.

It is process 1 of a PID namespace of its own, already inside the read-only root, single-threaded,
and never runs a line of a function's code. The launcher sends `fork` packets; each makes a child
in a PID namespace of its own below the zygote's, so that the kernel ends every environment with
its zygote, and every zygote with the launcher.

    launcher ── fork {id, uid, …} + descriptors ──▶ zygote ── fork ──▶ environment
             ── kill, freeze, thaw {id} ──▶
             ◀── exited {id, status} ──
             ◀── waiting {id} + its mount namespace, a pidfd of it ──

A new environment goes all the way into its sandbox, gives its privileges up, says that it waits,
and then learns over its own line what it is to be: its code has been put in its place meanwhile.
One that is to be a program of another language becomes that before (see the launcher's standby).
A zygote for such programs is bare: it has no runtime.
"""

from __future__ import annotations

import atexit
import functools
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
from typing import Any, Dict, List, Tuple

from lambdad.launcher import entering, isolation, mounts, packets, seccomp, signalling
from lambdad.launcher import syscalls as calls

_SIGNALLING = {"kill": signalling.kill, "freeze": signalling.freeze, "thaw": signalling.thaw}
_COULD_NOT_FORK = 1 << 8  # a wait status: exit status 1


def main(control_descriptor: int, is_bare: bool) -> None:
    """Warm up, say so, and serve `fork` packets until the launcher is gone."""
    sys.path[:] = [p for p in sys.path if p != os.environ.get("LAMBDAD_SOURCE")]
    bootstrap = None if is_bare else _load_runtime()
    zygote = Zygote(packets.from_descriptor(control_descriptor), bootstrap)
    calls.unmount(os.environ["LAMBDAD_SOURCE"])
    calls.drop_bounding_capabilities()  # once, instead of in every child; we keep our own
    gc.collect()
    gc.freeze()
    zygote.serve()


def _load_runtime() -> Any:
    sys.path.append("/var/runtime")
    bootstrap = importlib.import_module("bootstrap")
    bootstrap.preload()
    return bootstrap


class Zygote:
    """Forks environments and reaps them."""

    def __init__(self, control: socket.socket, bootstrap: Any) -> None:
        self._control = control
        self._bootstrap = bootstrap
        self._hidden = entering.own_modules()
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._filter = seccomp.filter_program(platform.machine())
        self._environments: Dict[int, str] = {}
        self._pids: Dict[str, int] = {}
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
                self._obey(*packet)

    def _obey(self, request: Dict[str, Any], descriptors: List[int]) -> None:
        if request["type"] == "fork":
            self._fork(request, descriptors)
        elif request["id"] in self._pids:  # and otherwise it has just ended
            try:
                _SIGNALLING[request["type"]](self._pids[request["id"]])
            except OSError:
                traceback.print_exc()  # there is nobody here who could do better

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
        self._pids[request["id"]] = pid

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
            environment_id = self._environments.pop(pid)
            del self._pids[environment_id]
            self._tell_exited(environment_id, status)

    def _become_environment(self, request: Dict[str, Any], descriptors: List[int]) -> None:
        """In the child: take every step into the sandbox; never returns."""
        speaker = line = packets.from_descriptor(descriptors[0])
        try:
            entering.reset_inherited_state()
            os.setsid()
            pipes, entrances = _split(descriptors[1:], 2 if request["standby"] else 0)
            listeners = self._isolate(request, entrances)
            entering.limit_resources()
            entering.limit_processes()
            self._give_up_privileges(request["uid"])
            if request["standby"]:
                self._become_standby(request, pipes, listeners)
            ready = self._rehearse() if request["is_ahead"] and self._bootstrap else None
            self._say_waiting(request["id"], {})
            assignment, (channel, output) = _wait_for_assignment(line)
            speaker = packets.from_descriptor(channel)
            entering.take_output(output)
            entering.limit_data(assignment["data_limit"])
            variables = entering.receive_assignment(speaker, listeners, "/tmp")  # noqa: S108
            speaker.close()
            entering.close_all_but([ready.client.fileno()] if ready else [])
        except BaseException:
            _say_and_exit(speaker, traceback.format_exc(limit=-2))
        try:
            if assignment["start"] == "bootstrap":
                entering.run_bootstrap(variables, ("/var/task", "/opt"))
            if assignment["start"] == "spawn":
                if assignment["program"]:
                    variables = {**assignment["variables"], **variables}
                    entering.run_program(variables, assignment["program"])
                entering.run_program(variables, [sys.executable, self._bootstrap.__file__])
            run = functools.partial(self._bootstrap.run, ready)
            entering.run_runtime(variables, run, self._hidden)
        finally:
            _leave()

    def _rehearse(self) -> Any:
        """Whatever can be done before the function is known; nobody waits for it."""
        entering.rehearse()
        return self._bootstrap.rehearse(f"127.0.0.1:{entering.RUNTIME_API_PORT}")

    def _become_standby(
        self, request: Dict[str, Any], pipes: List[int], listeners: List[socket.socket]
    ) -> None:
        handed = entering.what_to_hand_over(listeners, "/tmp")  # noqa: S108
        self._say_waiting(request["id"], handed)
        entering.take_pipes(*pipes)
        entering.close_all_but([])
        entering.run_standby(request["standby"]["command"], request["standby"]["variables"])

    def _say_waiting(self, environment_id: str, handed: Dict[str, int]) -> None:
        namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        pidfd = os.pidfd_open(os.getpid())
        message = {"type": "waiting", "id": environment_id, "handed": list(handed)}
        descriptors = [namespace, pidfd, *handed.values()]
        packets.send(self._control, message, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._control.close()

    def _isolate(self, request: Dict[str, Any], descriptors: List[int]) -> List[socket.socket]:
        """Enter new namespaces, or those of the run before; returns the new listeners."""
        entrances = descriptors[request["namespaces"] :]
        for entrance in entrances:  # before the cgroup namespace, whose root is where we stand
            os.write(entrance, b"0")
            os.close(entrance)
        if request["namespaces"]:
            self._return_to(descriptors[0])
            return []
        isolation.enter()
        calls.bring_loopback_up()
        return entering.open_listeners(has_own_network=True)

    def _return_to(self, namespace: int) -> None:
        """Into the mounts and the network of an earlier run; only its processes are gone."""
        calls.setns(namespace, calls.CLONE_NEWNS)
        os.close(namespace)
        network = os.open(mounts.NETWORK, os.O_RDONLY | os.O_CLOEXEC)
        calls.setns(network, calls.CLONE_NEWNET)
        os.close(network)
        isolation.enter_again()

    def _give_up_privileges(self, uid: int) -> None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        isolation.give_up_privileges()
        calls.seccomp_filter(self._filter)


def _split(descriptors: List[int], count: int) -> Tuple[List[int], List[int]]:
    """The first so many, and the others."""
    return descriptors[:count], descriptors[count:]


def _wait_for_assignment(line: socket.socket) -> packets.Packet:
    packet = packets.receive(line)
    if packet is None:
        os._exit(0)  # nobody needs this environment any more
    line.close()
    return packet


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
