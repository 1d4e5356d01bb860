"""One environment's place, and the processes that a zygote forks into it.

Made, its process goes into its sandbox, gives its privileges up and waits. Furnished, it finds its
code, layers and limits in place and learns what it is to be. When its last process has ended,
another may go into the same place.
"""

from __future__ import annotations

import errno
import itertools
import os
import resource
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from lambdad.launcher import mounts, packets, syscalls
from lambdad.launcher.cgroups import Cgroup, Cgroups, Limits
from lambdad.launcher.contract import Ended, Exit, Gauges, Order
from lambdad.launcher.egress import Egress
from lambdad.launcher.loop import Loop
from lambdad.launcher.slots import UserIds
from lambdad.launcher.standby import Program, Standby
from lambdad.launcher.zygotes import ZygoteProcess

FindZygote = Callable[[], ZygoteProcess]


@dataclass(frozen=True)
class Ground:
    """What every sandbox of a server stands on, in every life of its node."""

    loop: Loop
    cgroups: Cgroups
    user_ids: UserIds
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    egress: Egress | None = None


@dataclass(frozen=True)
class _Lease:
    """What a run is for: descriptors of ours, until its process has them."""

    channel: int
    output: int

    def close(self) -> None:
        for descriptor in (self.channel, self.output):
            os.close(descriptor)


class ForkedSandbox:
    """A `namespaces` sandbox. It waits, for anybody of its account, until it is ordered."""

    def __init__(
        self,
        ground: Ground,
        name: str,
        find_zygote: FindZygote,
        gone: Callable[[ForkedSandbox], None],
        *,
        is_ahead: bool,
        program: Program | None = None,
        is_standby: bool = True,
        afterwards: Program | None = None,
    ) -> None:
        """Fork the first process; OSError when the machine does not allow it, and nothing is left.
        `gone` is called when it ends before anybody has given an order. When it is made ahead, its
        process has the time to rehearse. A `program` of another language waits as that, when
        `is_standby`; otherwise the process becomes it when it has its variables. The next runs are
        those of the program `afterwards`, if there is one."""
        self.name = name
        self._ground = ground
        self._find_zygote = find_zygote
        self._gone = gone
        self._ended: Ended | None = None
        self._order: Order | None = None
        self._program = program
        self._afterwards = afterwards or program
        self._is_standby = is_standby and program is not None
        self._standby: Standby | None = None
        self._pid = -1
        self._limits = Limits(0)
        self._namespace: int | None = None
        self._line: socket.socket | None = None
        self._lease: _Lease | None = None
        self._trees: dict[str, int] = {}  # until they are in their places
        self._kills_before = 0
        self._is_out_of_memory = self._is_discarded = self._is_waiting = self._is_running = False
        self.uid = ground.user_ids.take()
        try:
            self._cgroup: Cgroup = ground.cgroups.create(name)
        except BaseException:
            ground.user_ids.give_back(self.uid)
            raise
        try:
            self._fork(is_ahead)
        except BaseException:
            self._give_back()
            raise

    def furnish(
        self,
        order: Order,
        trees: Mapping[str, int],
        channel: int,
        output: int,
        ended: Ended,
    ) -> None:
        """Make it the sandbox of `order`; `trees` are detached mounts, by where they are to be."""
        self._order, self._ended = order, ended
        self._limits = Limits(order.memory_mb, order.ephemeral_storage_mb)
        self._trees = dict(zip(trees, _duplicates(*trees.values()), strict=True))
        self._promise(channel, output)

    @property
    def is_waiting(self) -> bool:
        """Whether its process has come all the way, and nobody has it yet."""
        return self._is_waiting

    @property
    def is_standby(self) -> bool:
        """Whether its program runs, or is started, before it has its function."""
        return self._is_standby

    # Sandbox

    def gauges(self) -> Gauges:
        return self._cgroup.open_gauges(self._limits)

    def kill(self) -> None:
        if self._is_running:
            self._cgroup.thaw()
            self._zygote.signal(self.name, "kill")  # the kernel ends the whole namespace

    def check_memory(self) -> int | None:
        """The kernel may have killed any process of several; the others would go on without it."""
        in_use = self._cgroup.memory_in_use(self._files())
        if in_use <= self._limits.memory and not self._has_been_killed_for_memory():
            return in_use
        self._is_out_of_memory = True
        self.kill()
        return None

    def freeze(self) -> None:
        self._zygote.signal(self.name, "freeze")

    def thaw(self) -> None:
        self._zygote.signal(self.name, "thaw")

    def restart(self, channel: int, output: int) -> None:
        self._is_out_of_memory = False
        self._kills_before = self._cgroup.out_of_memory_kills()
        self._cgroup.forget_memory_peak()
        self._cgroup.thaw()  # it may have died frozen
        self._program = self._afterwards
        self._promise(channel, output)
        try:
            self._fork()
        except BaseException:
            self._take_lease().close()
            raise

    def discard(self) -> None:
        self._is_discarded = True
        if self._is_running:
            self.kill()
        else:
            self._give_back()

    # The process

    def _fork(self, is_ahead: bool = False) -> None:
        self._zygote = self._find_zygote()
        kept = [self._namespace] if self._namespace is not None else []
        request: dict[str, object] = {
            "id": self.name,
            "uid": self.uid,
            "namespaces": len(kept),
            "is_ahead": is_ahead,
            "standby": None,
        }
        try:
            with ExitStack() as handed:
                descriptors = [*self._open_standby(request, handed), *kept]
                self._ask_for(request, descriptors)
        except BaseException:
            self._close_standby()
            raise
        self._is_running = True

    def _open_standby(self, request: dict[str, object], handed: ExitStack) -> list[int]:
        """Of a program that is to wait, its pipes."""
        if not self._is_standby:
            return []
        assert self._program is not None
        self._standby = Standby(self._program, self.uid, is_ahead=bool(request["is_ahead"]))
        handed.callback(self._standby.close_its_ends)
        request["standby"] = self._standby.request
        return self._standby.its_ends

    def _ask_for(self, request: dict[str, object], descriptors: list[int]) -> None:
        """Ask the zygote for a process, which gets a line to us, these and its cgroup's doors."""
        ours, theirs = packets.socket_pair()
        try:
            with theirs, _closed_afterwards(self._cgroup.open_entrances()) as entrances:
                handed = [theirs.fileno(), *descriptors, *entrances]
                self._zygote.fork(request, handed, self._waiting, self._exited)
        except BaseException:
            ours.close()
            raise
        self._line = ours

    def _promise(self, channel: int, output: int) -> None:
        """Keep what the process needs until it waits for it, which it may do already."""
        _give_pipe(output, self.uid)
        self._lease = _Lease(*_duplicates(channel, output))
        if self._is_waiting:
            self._hand_over()

    def _waiting(self, namespace: int, pidfd: int, handed: Mapping[str, int]) -> None:
        if self._namespace is None:
            self._namespace = namespace
        else:
            os.close(namespace)
        if self._standby is not None:
            self._standby.keep(handed)
        try:
            self._pid = _pid_of(pidfd)
            self._cgroup.entered(self._pid)
        finally:
            os.close(pidfd)
        self._is_waiting = True
        if self._lease is not None:
            self._hand_over()

    def _hand_over(self) -> None:
        """Furnish the place and tell the process what it is."""
        assert self._order is not None
        assert self._namespace is not None
        lease, self._is_waiting = self._take_lease(), False
        try:
            self._cgroup.limit(self._limits)
            if self._trees:
                with _inside(self._namespace):
                    mounts.furnish(self._order.ephemeral_storage_mb, self._trees)
                    network = mounts.open_network() if self._ground.egress else None
                self._connect(network)
                self._close_trees()
            self._assign(lease, self._order.start)
        except OSError as error:
            _say_failed(lease.channel, str(error))
            self.kill()
        finally:
            lease.close()
            self._close_line()
            self._close_standby()

    def _assign(self, lease: _Lease, start: str) -> None:
        data = self._cgroup.data_limit(self._limits)
        if self._standby is not None:
            _limit_data(self._pid, data)
            self._standby.assign(lease.channel)
            return
        assert self._line is not None
        message: dict[str, object] = {"start": start, "data_limit": data, "program": None}
        if self._program is not None:
            message["start"] = "spawn"
            message["program"] = self._program.command
            message["variables"] = self._program.variables
        packets.send(self._line, message, [lease.channel, lease.output])

    def _connect(self, network: int | None) -> None:
        """To the network, where there is a way out for anybody."""
        if self._ground.egress is None or network is None:
            return
        assert self._order is not None
        try:
            self._ground.egress.connect(self._order.egress, self.uid, network)
        finally:
            os.close(network)

    def _take_lease(self) -> _Lease:
        assert self._lease is not None
        lease, self._lease = self._lease, None
        return lease

    def _close_trees(self) -> None:
        for descriptor in self._trees.values():
            os.close(descriptor)
        self._trees = {}

    def _close_namespace(self) -> None:
        if self._namespace is not None:
            os.close(self._namespace)
            self._namespace = None

    def _close_line(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def _close_standby(self) -> None:
        if self._standby is not None:
            self._standby.close()
            self._standby = None

    def _has_been_killed_for_memory(self) -> bool:
        return self._cgroup.out_of_memory_kills() > self._kills_before

    def _files(self) -> int:
        """Bytes in /tmp."""
        if self._namespace is None:
            return 0
        with _inside(self._namespace):
            room = os.statvfs(mounts.TMP)
        return (room.f_blocks - room.f_bfree) * room.f_frsize

    def _exited(self, status: int) -> None:
        self._is_running = self._is_waiting = False
        if self._lease is not None:
            self._say_last_words()
            self._take_lease().close()
        self._close_line()
        self._close_standby()
        how = Exit(status) if self._is_discarded else self._figures(status)
        if self._ended is None or self._is_discarded:
            self._give_back()
        if self._ended is None:
            self._gone(self)
        else:
            self._ended(how)

    def _figures(self, status: int) -> Exit:
        """How it ended, and what it used, as far as that can be read."""
        try:
            out_of_memory = self._is_out_of_memory or self._has_been_killed_for_memory()
            peak = max(0, self._cgroup.memory_peak() - self._files())
        except OSError:
            return Exit(status, self._is_out_of_memory)
        return Exit(status, out_of_memory, peak)

    def _say_last_words(self) -> None:
        """The process ended on its way: what it said of that is for whoever wanted it."""
        assert self._lease is not None
        assert self._line is not None
        self._line.setblocking(False)
        try:
            packet = packets.receive(self._line)
        except BlockingIOError:
            return
        if packet is not None:
            _say_failed(self._lease.channel, packet[0]["failed"])

    def _give_back(self) -> None:
        self._cgroup.remove()
        self._ground.user_ids.give_back(self.uid)
        self._close_trees()
        self._close_namespace()


@contextmanager
def _closed_afterwards(descriptors: list[int]) -> Iterator[list[int]]:
    try:
        yield descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _limit_data(pid: int, size: int | None) -> None:
    """Let a process, and each that it starts, have no more data; see the cgroups."""
    if size is not None:
        resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))


def _say_failed(channel: int, failure: str) -> None:
    try:
        with packets.from_descriptor(os.dup(channel)) as speaker:
            packets.send(speaker, {"failed": failure})
    except OSError:
        pass  # nobody is interested any more


def _give_pipe(output: int, uid: int) -> None:
    """Let the sandbox open /dev/stdout again. What the node hands over must be a pipe and not, say,
    a file of root's that it may read."""
    status = os.fstat(output)
    is_pipe = stat.S_ISFIFO(status.st_mode)
    if not is_pipe or os.readlink(f"/proc/self/fd/{output}") != f"pipe:[{status.st_ino}]":
        raise OSError(errno.EINVAL, "the output of a sandbox must be a pipe")
    os.fchown(output, uid, uid)


def _duplicates(*descriptors: int) -> tuple[int, ...]:
    """Our own of each, or none."""
    own: list[int] = []
    try:
        for descriptor in descriptors:
            own.append(os.dup(descriptor))
    except OSError:
        for descriptor in own:
            os.close(descriptor)
        raise
    return tuple(own)


def _pid_of(pidfd: int) -> int:
    """The process id by which we know the process of `pidfd`; -1 when it has ended."""
    with open(f"/proc/self/fdinfo/{pidfd}") as file:
        fields = dict(line.rstrip().split(":", 1) for line in file)
    return int(fields["Pid"])


@contextmanager
def _inside(namespace: int) -> Iterator[None]:
    """Be in a mount namespace, with its root, for a moment, and come back to where we were."""
    syscalls.unshare(syscalls.CLONE_FS)  # another thread that shares our root must stay
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    here = os.open(".", os.O_PATH | os.O_CLOEXEC)
    try:
        syscalls.setns(namespace, syscalls.CLONE_NEWNS)
        try:
            yield
        finally:
            _return(own, here)
    finally:
        os.close(own)
        os.close(here)


def _return(own: int, here: int) -> None:
    try:
        syscalls.setns(own, syscalls.CLONE_NEWNS)
        os.fchdir(here)
    except OSError:  # nothing is safe to be done from inside a sandbox
        os._exit(70)
