"""Zygotes as the launcher sees them: started when first needed, one per runtime and account."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from lambdad.launcher import entering, mounts, packets, syscalls
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import TREES, Installed
from lambdad.launcher.loop import Loop
from lambdad.launcher.runtime_trees import RuntimeTrees

SOURCE = "/run/lambdad"
_RETRY_SECONDS = 0.002
_LONGEST_PROBLEM = 2_000  # characters of what a compiler says
_NAMESPACES = (
    syscalls.CLONE_NEWNS | syscalls.CLONE_NEWNET | syscalls.CLONE_NEWIPC | syscalls.CLONE_NEWUTS
)
# CHOWN 0 … MAC_ADMIN 33: only what making a sandbox takes.
_KILL, _SETGID, _SETUID, _SETPCAP, _DAC_READ_SEARCH = 5, 6, 7, 8, 2
_NET_ADMIN, _SYS_CHROOT, _SYS_ADMIN = 12, 18, 21
_CAPABILITIES = sum(
    1 << number
    for number in (
        *(_KILL, _SETGID, _SETUID, _SETPCAP, _DAC_READ_SEARCH),
        *(_NET_ADMIN, _SYS_CHROOT, _SYS_ADMIN),
    )
)
# What the loader reads is read when a program starts, and the zygote is what starts: the
# variables that AWS documents for it are therefore the zygote's own.
ENVIRONMENT = {
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
    "/var/task:/var/task/lib:/opt/lib",
}
_MAKER = "/run/python"  # the zygote's own interpreter, where /var/lang is another language's
_MAIN = (
    f"import sys; sys.path.insert(0, {SOURCE!r}); "
    "from lambdad.launcher.zygote import main; main(int(sys.argv[1]), sys.argv[2] == 'bare')"
)

# Gets and owns the mount namespace, a pidfd, and what else is handed over, by name.
OnWaiting = Callable[[int, int, dict[str, int]], None]
OnExited = Callable[[int], None]  # gets a wait status


@dataclass(frozen=True)
class Breed:
    """What a zygote is made of: the Python that it is, and, when it is one for programs of another
    language, that. One that is bare has no runtime of Python's, which every process of it would
    carry along until it becomes a program."""

    interpreter: Interpreter
    guest: Installed | None = None
    is_bare: bool = False


class ZygoteProcess:
    """One zygote. Environments asked of it before it is ready wait in its socket."""

    def __init__(self, loop: Loop, breed: Breed, trees: RuntimeTrees, root: Path) -> None:
        self.is_gone = False
        self._loop = loop
        self._environments: dict[str, tuple[OnWaiting, OnExited]] = {}
        self._waiting: list[Callable[[str | None], None]] = []
        self._is_ready = False
        self._problem = ""
        self._unsent: deque[tuple[dict[str, Any], list[int]]] = deque()
        self._control, theirs = packets.socket_pair()
        self._pid = _spawn(breed, trees, root, theirs.fileno())
        theirs.close()
        self._control.setblocking(False)
        self._is_watched = True
        loop.watch(self._control.fileno(), self._receive)
        loop.adopt(self._pid, self._ended)

    def when_ready(self, prepared: Callable[[str | None], None]) -> None:
        """Call `prepared` with None once this zygote is warm, with a sentence if it never is."""
        if self._is_ready:
            prepared(None)
        else:
            self._waiting.append(prepared)

    def fork(
        self,
        request: dict[str, Any],
        descriptors: list[int],
        waiting: OnWaiting,
        exited: OnExited,
    ) -> None:
        """Ask for an environment; the descriptors may be closed afterwards."""
        self._send({"type": "fork", **request}, descriptors)
        self._environments[request["id"]] = (waiting, exited)

    def signal(self, environment_id: str, what: str) -> None:
        """`kill`, `freeze` or `thaw` every process of an environment."""
        try:
            self._send({"type": what, "id": environment_id})
        except OSError:
            pass  # the zygote is gone, and so is what it forked

    def _send(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send, now or as soon as a busy zygote has read what was sent before."""
        if not self._unsent:
            try:
                packets.send(self._control, message, descriptors)
                return
            except BlockingIOError:
                self._loop.call_later(_RETRY_SECONDS, self._send_kept)
        self._unsent.append((message, [os.dup(descriptor) for descriptor in descriptors]))

    def _send_kept(self) -> None:
        while self._unsent:
            message, descriptors = self._unsent[0]
            try:
                packets.send(self._control, message, descriptors)
            except BlockingIOError:
                self._loop.call_later(_RETRY_SECONDS, self._send_kept)
                return
            except OSError:
                return  # its death is about to be told
            self._forget_first_unsent()

    def _forget_first_unsent(self) -> None:
        _, descriptors = self._unsent.popleft()
        for descriptor in descriptors:
            os.close(descriptor)

    def kill(self) -> None:
        """End the zygote, and with it, by the kernel, every environment it forked."""
        if not self.is_gone:
            os.kill(self._pid, signal.SIGKILL)

    def _receive(self) -> None:
        """Take one packet; at the end of all, wait for its death to be told."""
        packet = packets.receive(self._control)
        if packet is None:
            self._watch_no_more()
        else:
            self._take(*packet)

    def _watch_no_more(self) -> None:
        if self._is_watched:
            self._is_watched = False
            self._loop.forget(self._control.fileno())

    def _take(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if message["type"] == "ready":
            self._is_ready = True
            self._tell(None)
        elif message["type"] == "waiting" and len(descriptors) == 2 + len(message["handed"]):
            namespace, pidfd, *handed = descriptors
            named = dict(zip(message["handed"], handed, strict=True))
            self._environments[message["id"]][0](namespace, pidfd, named)
        elif message["type"] == "waiting":  # we have no descriptor left for it
            for descriptor in descriptors:
                os.close(descriptor)
            self.signal(message["id"], "kill")
        elif message["type"] == "failed":
            self._problem = message["problem"]
        elif message["type"] == "exited":
            self._environments.pop(message["id"])[1](message["status"])

    def _ended(self, status: int) -> None:
        self.is_gone = True
        self._take_last_words()
        self._watch_no_more()
        self._control.close()
        while self._unsent:
            self._forget_first_unsent()
        died = f"the interpreter could not be started (wait status {status})"
        self._tell(self._problem or died)
        for _, exited in list(self._environments.values()):
            exited(signal.SIGKILL)
        self._environments.clear()

    def _take_last_words(self) -> None:
        """Its death may be told before everything that it said is read."""
        try:
            while packet := packets.receive(self._control):
                self._take(*packet)
        except BlockingIOError:
            pass  # an environment that is being made has the other end a moment longer

    def _tell(self, problem: str | None) -> None:
        waiting, self._waiting = self._waiting, []
        for prepared in waiting:
            prepared(problem)


def _spawn(breed: Breed, trees: RuntimeTrees, root: Path, control: int) -> int:
    """Fork, in a new PID namespace, the process that becomes the zygote."""
    pid = syscalls.fork_into_new_pid_namespace()
    if pid == 0:
        _become_zygote(breed, trees, root, control)
    return pid


def _become_zygote(breed: Breed, trees: RuntimeTrees, root: Path, control: int) -> NoReturn:
    """In the child: make the trees and the root, enter it, become the interpreter."""
    try:
        syscalls.die_with_parent()
        entering.close_all_but([control])
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        binds = _trees_of(breed, trees)
        syscalls.unshare(_NAMESPACES)
        syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        executable = _make_root(breed, binds, root)
        mounts.enter_root(root)
        syscalls.drop_bounding_capabilities(keep=_CAPABILITIES)
        os.set_inheritable(control, True)
        kind = "bare" if breed.is_bare else "warm"
        command = [executable, "-I", "-S", "-X", "utf8", "-c", _MAIN, str(control), kind]
        variables = {**ENVIRONMENT, "LAMBDAD_SOURCE": SOURCE}
        if breed.is_bare:
            variables["LD_LIBRARY_PATH"] = f"{_MAKER}/lib:{ENVIRONMENT['LD_LIBRARY_PATH']}"
        os.execve(executable, command, variables)  # noqa: S606
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        with packets.from_descriptor(control) as speaker:
            packets.send(speaker, {"type": "failed", "problem": str(error)[:_LONGEST_PROBLEM]})
    os._exit(70)


def _trees_of(breed: Breed, trees: RuntimeTrees) -> dict[str, Path]:
    """What of ours stands where in the root."""
    own = trees.make(breed.interpreter)
    source = {SOURCE: own / "source"}
    if breed.guest:
        return {mounts.RUNTIME: trees.make_language(breed.guest) / "runtime", **source}
    return source if breed.is_bare else {mounts.RUNTIME: own / "runtime", **source}


def _patterns(breed: Breed) -> tuple[str, ...]:
    """What of the host stands in the root besides. A function that brings its own runtime may bring
    one that is started by whatever program of the host's."""
    if breed.guest:
        return breed.guest.language.trees
    return TREES if breed.is_bare else ()


def _make_root(breed: Breed, binds: dict[str, Path], root: Path) -> str:
    """Assemble the root and return where the zygote's interpreter stands in it."""
    own, guest = breed.interpreter, breed.guest
    place = _MAKER if breed.is_bare else mounts.LANG
    if guest and not guest.is_visible:
        binds[mounts.LANG] = Path(guest.interpreter.prefix)
    if own.prefix != "/usr":
        binds[place] = Path(own.prefix)
    mounts.build_root(root, binds, _patterns(breed))
    if guest and guest.is_visible:
        mounts.link_interpreter(root, guest.interpreter.executable)
    if own.prefix != "/usr":
        return f"{place}/bin/{Path(own.executable).name}"
    if not breed.is_bare:
        mounts.link_interpreter(root, own.executable, "python3", "python")
    return own.executable
