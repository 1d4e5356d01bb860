"""The `namespaces` sandbox: everything that Linux offers short of a machine of its own.

New mount, PID, network, IPC, UTS and cgroup namespaces, a read-only root, a user id that no other
environment has, no capability, no_new_privs, a system-call filter, and limits on memory, CPU and
processes. Needs root.
"""

from __future__ import annotations

import os
from pathlib import Path

from lambdad.launcher import syscalls
from lambdad.launcher.cgroups import Cgroup, Cgroups, Limits
from lambdad.launcher.contract import Ended, Exit, Gauges, Order, Prepared, Sandbox
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.loop import Loop
from lambdad.launcher.runtime_trees import RuntimeTrees
from lambdad.launcher.slots import UserIds
from lambdad.launcher.zygotes import ZygoteProcess

_CODE_ATTRIBUTES = (
    syscalls.MOUNT_ATTR_RDONLY | syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV
)


class Namespaces:
    """Makes `namespaces` sandboxes, each forked from the zygote of its runtime and account."""

    name = "namespaces"

    def __init__(
        self,
        *,
        loop: Loop,
        cgroups: Cgroups,
        user_ids: UserIds,
        interpreters: dict[str, Interpreter],
        trees: RuntimeTrees,
        code_directory: Path,
        root: Path,
    ) -> None:
        self._loop = loop
        self._cgroups = cgroups
        self._user_ids = user_ids
        self._interpreters = interpreters
        self._trees = trees
        self._root = root
        # The directory is the node's; a link in its place would lead anywhere.
        self._code_directory = os.open(
            code_directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        )
        self._zygotes: dict[tuple[str, str], ZygoteProcess] = {}
        root.mkdir(exist_ok=True)

    def prepare(self, runtime: str, account_id: str, prepared: Prepared) -> None:
        """Start the zygote, unless it is there."""
        self._zygote(runtime, account_id).when_ready(prepared)

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        """Fork a sandbox; its code is looked up beneath the code store, no link followed."""
        zygote = self._zygote(order.runtime, order.account_id)
        opened = [self._clone_code(order.code)]
        try:
            cgroup = self._cgroups.create(order.environment_id, Limits(order.memory_mb))
            sandbox = _ForkedSandbox(self._loop, cgroup, self._user_ids, ended)
            try:
                opened += cgroup.open_entrances()
                os.fchown(output, sandbox.uid, sandbox.uid)  # so that /dev/stdout can be opened
                request = {
                    "id": order.environment_id,
                    "uid": sandbox.uid,
                    "ephemeral_storage_mb": order.ephemeral_storage_mb,
                }
                zygote.fork(
                    request, [channel, output, *opened], sandbox.set_pidfd, sandbox.set_exited
                )
            except OSError:
                sandbox.give_back()
                raise
        finally:
            for descriptor in opened:
                os.close(descriptor)
        return sandbox

    def close(self) -> None:
        """End every zygote and give the descriptors back."""
        for zygote in self._zygotes.values():
            zygote.kill()
        os.close(self._code_directory)

    def _clone_code(self, name: str) -> int:
        directory = syscalls.open_beneath(self._code_directory, name)
        try:
            return syscalls.clone_mount(directory, _CODE_ATTRIBUTES)
        finally:
            os.close(directory)

    def _zygote(self, runtime: str, account_id: str) -> ZygoteProcess:
        zygote = self._zygotes.get((runtime, account_id))
        if zygote is None or zygote.is_gone:
            interpreter = self._interpreters.get(runtime)
            if interpreter is None:
                raise OSError(f"{runtime} is not on this machine")
            zygote = ZygoteProcess(self._loop, interpreter, self._trees, self._root)
            self._zygotes[runtime, account_id] = zygote
        return zygote


class _ForkedSandbox:
    """One environment's sandbox; its process is known, by a pidfd, once the zygote has forked."""

    def __init__(self, loop: Loop, cgroup: Cgroup, user_ids: UserIds, ended: Ended) -> None:
        self.uid = user_ids.take()
        self._loop = loop
        self._user_ids = user_ids
        self._cgroup = cgroup
        self._ended = ended
        self._pidfd: int | None = None
        self._is_doomed = False
        # The kernel may pick any process; the others would go on without it.
        self._out_of_memory = cgroup.open_out_of_memory_event()
        if self._out_of_memory is not None:
            loop.watch(self._out_of_memory, self._run_out_of_memory)

    def gauges(self) -> Gauges:
        cpu, quota = self._cgroup.open_cpu_quota()
        return Gauges({"memory_peak": self._cgroup.open_memory_peak(), "cpu_quota": cpu}, quota)

    def kill(self) -> None:
        self._is_doomed = True
        if self._pidfd is not None:
            try:
                syscalls.pidfd_send_signal(self._pidfd, 9)  # the kernel ends the whole namespace
            except ProcessLookupError:
                pass

    def set_pidfd(self, pidfd: int) -> None:
        self._pidfd = pidfd
        if self._is_doomed:
            self.kill()

    def _run_out_of_memory(self) -> None:
        assert self._out_of_memory is not None
        os.eventfd_read(self._out_of_memory)
        self.kill()

    def set_exited(self, status: int) -> None:
        out_of_memory = self._cgroup.out_of_memory_kills() > 0
        memory_peak = self._cgroup.memory_peak()
        self.give_back()
        self._ended(Exit(status, out_of_memory, memory_peak))

    def give_back(self) -> None:
        if self._out_of_memory is not None:
            self._loop.forget(self._out_of_memory)
            os.close(self._out_of_memory)
            self._out_of_memory = None
        self._cgroup.remove()
        self._user_ids.give_back(self.uid)
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
