"""The `namespaces` sandbox: everything that Linux offers short of a machine of its own.

New mount, PID, network, IPC, UTS and cgroup namespaces, a read-only root, a user id that no other
environment has, no capability, no_new_privs, a system-call filter, and limits on memory, CPU and
processes. Needs root, or to be root of a user namespace.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from lambdad.launcher import looking, mounts, syscalls
from lambdad.launcher.breeds import ENVIRONMENT, Breed
from lambdad.launcher.contract import OS_ONLY, Ended, Looked, Order, Prepared, Sandbox
from lambdad.launcher.forked_sandbox import ForkedSandbox, Ground
from lambdad.launcher.host_mounts import HostMounts
from lambdad.launcher.interpreters import Interpreter, newest_python
from lambdad.launcher.languages import Installed
from lambdad.launcher.pool import WAITING_MB, Pool, PoolKey
from lambdad.launcher.runtime_trees import RuntimeTrees
from lambdad.launcher.standby import Program
from lambdad.launcher.zygotes import ZygoteProcess

_FROM_THE_POOL = ("pool", "bootstrap")  # a program that is its function's finds its place ready
_CODE_ATTRIBUTES = (
    syscalls.MOUNT_ATTR_RDONLY | syscalls.MOUNT_ATTR_NOSUID | syscalls.MOUNT_ATTR_NODEV
)


class Namespaces:
    """Makes `namespaces` sandboxes, each forked from the zygote of its runtime and account, if
    possible before anybody asks."""

    name = "namespaces"

    def __init__(
        self,
        *,
        ground: Ground,
        interpreters: dict[str, Interpreter],
        languages: dict[str, Installed],
        trees: RuntimeTrees,
        code_directory: Path,
        root: Path,
        pool_mb: int,
        host: HostMounts,
    ) -> None:
        self._ground = ground
        self._host = host
        self._interpreters = interpreters
        self._languages = languages
        self._trees = trees
        self._root = root
        # The directory is the node's; a link in its place would lead anywhere.
        self._code_directory = os.open(
            code_directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        )
        self._zygotes: dict[tuple[str, str, bool], ZygoteProcess] = {}
        self._pool: Pool[ForkedSandbox] = Pool(ground.loop, self._wait, pool_mb, self._size_waiting)
        root.mkdir(exist_ok=True)

    def prepare(self, runtime: str, account_id: str, memory_mb: int, prepared: Prepared) -> None:
        """Start the zygote, unless it is there, and let some sandboxes wait."""

        def warm(problem: str | None) -> None:
            if problem is None:
                self._pool.expect(self._key(runtime, account_id, memory_mb))
            prepared(problem)

        self._zygote(runtime, account_id).when_ready(warm)

    def look(self, directory: str, looked: Looked) -> None:
        """In a process of its own."""
        looking.look(self._ground.loop, self._host.directories, directory, looked)

    def count_waiting(self) -> int:
        """Those of all runtimes and accounts."""
        return len(self._pool)

    def start(self, order: Order, channel: int, output: int, ended: Ended) -> Sandbox:
        """Take or fork a sandbox; what is to stand in it is looked up first, beneath the code store
        and the operator's lists, no link followed."""
        with ExitStack() as opened:
            code = self._open_code(order, opened)
            host = self._host.open(order, opened)
            sandbox = self._take_or_fork(order)
            if sandbox.is_standby:
                code.pop(mounts.ARCHIVE, None)  # it comes too late
            try:
                trees = {place: _clone_code(directory, opened) for place, directory in code.items()}
                for place, directory in host.items():
                    trees[place] = self._host.clone(place, directory, sandbox.uid, opened)
                if self._ground.egress is not None:
                    trees |= self._ground.egress.open_files(order.egress, opened)
                sandbox.furnish(order, trees, channel, output, ended)
            except BaseException:
                sandbox.discard()
                raise
        return sandbox

    def close(self) -> None:
        """End all that wait and every zygote, and give the descriptors back."""
        self._pool.close()
        for zygote in self._zygotes.values():
            zygote.kill()
        os.close(self._code_directory)

    def _take_or_fork(self, order: Order) -> ForkedSandbox:
        key = self._key(order.runtime, order.account_id, order.memory_mb)
        taken = self._pool.take(key) if order.start in _FROM_THE_POOL else None
        if taken:
            return taken
        if order.start == "archive":
            return self._fork(key, program=self._archiver(key))
        if order.archive and key.runtime in self._languages:
            program, plain = self._program(key, mounts.ARCHIVE), self._program(key)
            return self._fork(key, program=program, afterwards=plain)  # it may be to blame
        return self._fork(key, program=self._program(key), is_standby=order.start != "spawn")

    def _wait(self, key: PoolKey) -> ForkedSandbox:
        return self._fork(key, program=self._program(key), is_ahead=True, is_standby=True)

    def _fork(
        self,
        key: PoolKey,
        *,
        program: Program | None,
        is_ahead: bool = False,
        is_standby: bool = False,
        afterwards: Program | None = None,
    ) -> ForkedSandbox:
        return ForkedSandbox(
            self._ground,
            f"e{next(self._ground.numbers)}",
            partial(self._zygote, key.runtime, key.account_id, is_program=not is_standby),
            partial(self._pool.forget, key),
            is_ahead=is_ahead,
            program=program,
            is_standby=is_standby,
            afterwards=afterwards,
        )

    def _key(self, runtime: str, account_id: str, memory_mb: int) -> PoolKey:
        """Of what waits, only programs that were started so have set the sizes of their heaps."""
        installed = self._languages.get(runtime)
        has_size = installed is not None and not installed.can_fork
        return PoolKey(runtime, account_id, memory_mb if has_size else 0)

    def _program(self, key: PoolKey, archive: str = "") -> Program | None:
        """Of another language, as its sandbox sees it, which has an `archive` of the function's
        classes or not; none for Python."""
        installed = self._languages.get(key.runtime)
        if installed is None:
            return None
        language, executable = installed.language, installed.executable_in(mounts.LANG)
        command = language.command(executable, mounts.RUNTIME, key.memory_mb)
        if archive and language.archives:
            command = language.archives.use(command, archive)
        return Program(command, {**ENVIRONMENT, **language.variables})

    def _archiver(self, key: PoolKey) -> Program:
        """What makes an archive of a function's classes."""
        program, installed = self._program(key), self._languages.get(key.runtime)
        if program is None or installed is None or installed.language.archives is None:
            raise OSError(f"{key.runtime} keeps no archives of classes")
        return replace(program, command=installed.language.archives.make(program.command))

    def _size_waiting(self, key: PoolKey) -> int:
        """Megabytes of the machine's memory."""
        installed = self._languages.get(key.runtime)
        if installed is None or installed.can_fork:
            return WAITING_MB
        return installed.language.waiting_mb

    def _open_code(self, order: Order, opened: ExitStack) -> dict[str, int]:
        """The trees of the code store, by where they are to be."""
        wanted = {
            mounts.TASK: order.code,
            mounts.LAYERS: order.layers,
            mounts.ARCHIVE: order.archive,
        }
        return {
            place: _keep(syscalls.open_beneath(self._code_directory, name), opened)
            for place, name in wanted.items()
            if name
        }

    def _zygote(self, runtime: str, account_id: str, *, is_program: bool = False) -> ZygoteProcess:
        """The one for sandboxes of this runtime and account, or for those of them that need a
        program of their own."""
        breed = self._breed(runtime, is_program=is_program)
        key = runtime, account_id, breed.is_foreign
        zygote = self._zygotes.get(key)
        if zygote is None or zygote.is_gone:
            zygote = ZygoteProcess(self._ground.loop, breed, self._trees, self._root)
            self._zygotes[key] = zygote
        return zygote

    def _breed(self, runtime: str, *, is_program: bool) -> Breed:
        guest = self._languages.get(runtime)
        is_bare = guest is not None or runtime == OS_ONLY
        maker = newest_python(self._interpreters) if is_bare else self._interpreters.get(runtime)
        if maker is None:
            raise OSError(f"{runtime} is not on this machine")
        is_foreign = guest is not None and guest.can_fork and not is_program
        return Breed(maker, guest, is_bare, is_foreign)


def _clone_code(directory: int, opened: ExitStack) -> int:
    return _keep(syscalls.clone_mount(directory, _CODE_ATTRIBUTES), opened)


def _keep(descriptor: int, opened: ExitStack) -> int:
    opened.callback(os.close, descriptor)
    return descriptor
