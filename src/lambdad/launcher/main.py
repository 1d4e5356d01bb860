"""`lambdad serve` after its options are read: build the launcher's parts, in order, and run.

python -m lambdad.launcher.main CONFIG_DESCRIPTOR
"""

from __future__ import annotations

import atexit
import errno
import fcntl
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from lambdad.config import Config
from lambdad.errors import SettingsError
from lambdad.launcher import cgroups, node_process, syscalls
from lambdad.launcher.contract import Sandboxes
from lambdad.launcher.guarded import Guarded
from lambdad.launcher.interpreters import Interpreter, find_interpreters
from lambdad.launcher.loop import Loop
from lambdad.launcher.namespaces import Namespaces
from lambdad.launcher.process import Processes
from lambdad.launcher.runtime_trees import RuntimeTrees
from lambdad.launcher.slots import Slot
from lambdad.launcher.supervisor import REFUSED_TO_START, Supervisor

_BACKLOG = 2048
_LOCK_WAIT_SECONDS = 3.0
_RUN_DIRECTORY = Path("/run/lambdad")


def main() -> int:
    """Serve; 0 after an orderly stop, 2 when a setting must change first."""
    try:
        with os.fdopen(int(sys.argv[1])) as file:
            config = Config.from_json(file.read())
        return launch(config)
    except SettingsError as error:
        print(f"lambdad: {error}", file=sys.stderr)
        return REFUSED_TO_START


def launch(config: Config) -> int:
    """Take the data directory and the port, then supervise a node until told to stop."""
    _check_privilege(config)
    _raise_descriptor_limit()
    data = Path(config.data_dir)
    lock = lock_data_directory(data)
    listener = listen(config.host, config.port)
    home = data / "node"
    try:
        node_process.make_home(home)
    except OSError as error:
        raise SettingsError(f"data_dir: {home} cannot be used: {error.strerror}") from None
    is_shared = config.sandbox == "process" and os.geteuid() == 0
    interpreters = find_interpreters(readable_by_all=is_shared)
    loop = Loop()
    supervisor = Supervisor(
        loop=loop,
        sandboxes=_sandboxes(config, loop, data, home / "code", interpreters),
        interpreters=interpreters,
        start_node=_node_starter(config, listener, home, interpreters),
    )
    try:
        return supervisor.run()
    finally:
        listener.close()
        os.close(lock)


def lock_data_directory(data: Path) -> int:
    """Lock the directory for this server alone; a dying one gets a moment to let go."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError(
            f"data_dir: {data} cannot be written ({error.strerror}); choose another with --data-dir"
        ) from None
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise SettingsError(
                    f"data_dir: another server is using {data}; stop it, or choose another "
                    "directory with --data-dir"
                ) from None
            time.sleep(0.02)


def listen(host: str, port: int) -> socket.socket:
    """The front door's socket; the launcher holds it, so that it outlives a node."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            why = "another program listens there; stop it, or choose another port with --port"
        else:
            why = error.strerror or str(error)
        raise SettingsError(f"port: cannot listen on {host}:{port}: {why}") from None
    return listener


def _raise_descriptor_limit() -> None:
    """An environment costs the node some nine descriptors, and many systems start programs with a
    soft limit of 1,024. The limit of what functions may open is their own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _check_privilege(config: Config) -> None:
    if config.sandbox == "namespaces" and (sys.platform != "linux" or os.geteuid() != 0):
        raise SettingsError(
            "sandbox: isolating functions by namespaces needs root on Linux. Run the server as "
            "root, or choose --sandbox process, which runs functions WITHOUT isolation: as "
            "ordinary processes that see this machine's files and network."
        )


def _sandboxes(
    config: Config,
    loop: Loop,
    data: Path,
    code_directory: Path,
    interpreters: dict[str, Interpreter],
) -> Callable[[], Sandboxes]:
    """How to make the sandboxes for one node's life."""
    trees = RuntimeTrees(data / "runtimes")
    trees.remove_unfinished()
    user_ids = None
    if os.geteuid() == 0:
        slot = Slot(_RUN_DIRECTORY)
        user_ids = slot.user_ids()
    if config.sandbox == "process":
        return lambda: Guarded(
            Processes(
                loop=loop,
                user_ids=user_ids,
                interpreters=interpreters,
                trees=trees,
                code_directory=code_directory,
                temporary_directory=data / "sandboxes",
            )
        )
    assert user_ids is not None
    groups = _prepare_namespaces(config, slot)
    atexit.register(groups.remove_all)  # our own directory, which is empty by then
    return lambda: Guarded(
        Namespaces(
            loop=loop,
            cgroups=groups,
            user_ids=user_ids,
            interpreters=interpreters,
            trees=trees,
            code_directory=code_directory,
            root=data / "root",
        )
    )


def _prepare_namespaces(config: Config, slot: Slot) -> cgroups.Cgroups:
    """Leave the host's mount namespace, so that no mount of ours outlives us, and find cgroups."""
    try:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_SLAVE)
        groups = cgroups.find_cgroups(str(slot.number))
    except OSError as error:
        raise SettingsError(
            f"sandbox: this machine does not let root make namespaces and cgroups: {error}. "
            "Choose --sandbox process to run functions WITHOUT isolation."
        ) from None
    if config.cgroup_favordynmods:
        try:
            cgroups.mount_favordynmods(_RUN_DIRECTORY / "favordynmods")
        except OSError:
            pass  # starts are slower on an idle machine, nothing else
    return groups


def _node_starter(
    config: Config, listener: socket.socket, home: Path, interpreters: dict[str, Interpreter]
) -> Callable[[int], int]:
    def start(node_socket: int) -> int:
        description, writing_end = os.pipe()  # in a pipe, as no setting shows in a process table
        os.write(writing_end, config.to_json().encode())
        os.close(writing_end)
        prefixes = [interpreter.prefix for interpreter in interpreters.values()]
        process = node_process.NodeProcess(
            node_socket, listener.fileno(), description, home, prefixes
        )
        try:
            return process.start()
        finally:
            os.close(description)

    return start


if __name__ == "__main__":
    sys.exit(main())
