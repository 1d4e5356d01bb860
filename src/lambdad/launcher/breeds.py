"""The kinds of zygotes, and how a process becomes one, in its root."""

from __future__ import annotations

import json
import os
import platform
import signal
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from lambdad.launcher import entering, isolation, mounts, packets, seccomp, syscalls
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.languages import TREES, Installed
from lambdad.launcher.runtime_trees import RuntimeTrees

SOURCE = "/run/lambdad"
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


@dataclass(frozen=True)
class Breed:
    """What a zygote is made of: the Python that it is, and, when it is one for another language,
    that. One that is bare has no runtime of Python's, which every process of it would carry along
    until it becomes a program. A foreign one is no Python at all: a warm process of the language
    itself, whose forks are its sandboxes' processes."""

    interpreter: Interpreter
    guest: Installed | None = None
    is_bare: bool = False
    is_foreign: bool = False


def spawn(breed: Breed, trees: RuntimeTrees, root: Path, control: int) -> int:
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
        filter_program = _filter_program(breed)
        syscalls.unshare(_NAMESPACES)
        syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
        _make_root(breed, binds, root)
        mounts.enter_root(root)
        syscalls.drop_bounding_capabilities(keep=_CAPABILITIES)
        os.set_inheritable(control, True)
        if breed.is_foreign:
            assert breed.guest is not None
            _say_on_standard_input(isolation.to_data(filter_program))
            _become_foreign(breed.guest, control)
        _become_python(breed, control)
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        with packets.from_descriptor(control) as speaker:
            packets.send(speaker, {"type": "failed", "problem": str(error)[:_LONGEST_PROBLEM]})
    os._exit(70)


def _become_python(breed: Breed, control: int) -> NoReturn:
    kind = "bare" if breed.is_bare else "warm"
    executable = _executable(breed)
    command = [executable, "-I", "-S", "-X", "utf8", "-c", _MAIN, str(control), kind]
    variables = {**ENVIRONMENT, "LAMBDAD_SOURCE": SOURCE}
    if breed.is_bare:
        variables["LD_LIBRARY_PATH"] = f"{_MAKER}/lib:{ENVIRONMENT['LD_LIBRARY_PATH']}"
    os.execve(executable, command, variables)  # noqa: S606


def _become_foreign(guest: Installed, control: int) -> NoReturn:
    for number in entering.IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    executable = guest.executable_in(mounts.LANG)
    command = guest.language.command(executable, mounts.RUNTIME, 0)
    variables = {**ENVIRONMENT, **guest.language.variables}
    os.execve(executable, [*command, "zygote", str(control)], variables)  # noqa: S606


def _filter_program(breed: Breed) -> bytes:
    """Out of files that are ours, which the root of a foreign zygote has not."""
    return seccomp.filter_program(platform.machine()) if breed.is_foreign else b""


def _say_on_standard_input(message: dict[str, Any]) -> None:
    """To the program that this process becomes. Not over a pipe: the kernel makes those smaller
    when a user has many, and nobody reads while this is written."""
    with open(os.memfd_create("told"), "r+b", buffering=0) as told:
        told.write(json.dumps(message).encode())
        told.seek(0)
        os.dup2(told.fileno(), 0)


def _trees_of(breed: Breed, trees: RuntimeTrees) -> dict[str, Path]:
    """What of ours stands where in the root."""
    binds: dict[str, Path] = {}
    if breed.guest:
        binds[mounts.RUNTIME] = trees.make_language(breed.guest) / "runtime"
    if not breed.is_foreign:
        own = trees.make(breed.interpreter)
        binds[SOURCE] = own / "source"
        if not breed.is_bare:
            binds[mounts.RUNTIME] = own / "runtime"
    return binds


def _patterns(breed: Breed) -> tuple[str, ...]:
    """What of the host stands in the root besides. A function that brings its own runtime may bring
    one that is started by whatever program of the host's."""
    if breed.guest:
        return breed.guest.language.trees
    return TREES if breed.is_bare else ()


def _make_root(breed: Breed, binds: dict[str, Path], root: Path) -> None:
    own, guest = breed.interpreter, breed.guest
    if guest and not guest.is_visible:
        binds[mounts.LANG] = Path(guest.interpreter.prefix)
    if own.prefix != "/usr" and not breed.is_foreign:
        binds[_prefix(breed)] = Path(own.prefix)
    mounts.build_root(root, binds, _patterns(breed))
    if guest and guest.is_visible:
        mounts.link_interpreter(root, guest.interpreter.executable)
    if own.prefix == "/usr" and not breed.is_bare:
        mounts.link_interpreter(root, own.executable, "python3", "python")


def _prefix(breed: Breed) -> str:
    """Where Python stands in the root when the host's is not in /usr."""
    return _MAKER if breed.is_bare else mounts.LANG


def _executable(breed: Breed) -> str:
    """Where the Python that is the zygote stands in the root."""
    own = breed.interpreter
    return (
        own.executable
        if own.prefix == "/usr"
        else f"{_prefix(breed)}/bin/{Path(own.executable).name}"
    )
