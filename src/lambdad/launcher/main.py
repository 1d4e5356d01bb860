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
import stat
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lambdad.config import Config
from lambdad.errors import SettingsError
from lambdad.launcher import cgroup_search, node_process, syscalls, user_namespace
from lambdad.launcher.cgroups import Cgroups
from lambdad.launcher.contract import Sandboxes
from lambdad.launcher.egress import open_egress
from lambdad.launcher.forked_sandbox import Ground
from lambdad.launcher.guarded import Guarded
from lambdad.launcher.host_directories import HostDirectories
from lambdad.launcher.host_mounts import HostMounts
from lambdad.launcher.interpreters import Interpreter
from lambdad.launcher.loop import Loop
from lambdad.launcher.namespaces import Namespaces
from lambdad.launcher.present import Present, find_present
from lambdad.launcher.process import Processes
from lambdad.launcher.runtime_trees import RuntimeTrees
from lambdad.launcher.slots import Slot, of_namespace
from lambdad.launcher.supervisor import REFUSED_TO_START, Supervisor

_BACKLOG = 2048
_LOCK_WAIT_SECONDS = 3.0
_RUN_DIRECTORY = Path("/run/lambdad")
_WITHOUT = "WITHOUT isolation: as ordinary processes that see this machine's files and network."


def main() -> int:
    """Serve; 0 after an orderly stop, 2 when a setting must change first."""
    try:
        return launch(Config.from_descriptor(int(sys.argv[1])))
    except SettingsError as error:
        print(f"lambdad: {error}", file=sys.stderr)
        return REFUSED_TO_START


def launch(config: Config) -> int:
    """Take the data directory and the port, then supervise a node until told to stop."""
    os.chdir("/")  # sandboxes are entered and left from here
    standing = _find_standing(config)
    _raise_descriptor_limit()
    data = Path(config.data_dir)
    lock = lock_data_directory(data)
    listener = listen(config.host, config.port)
    home = data / "node"
    try:
        node_process.make_home(home, standing.node_uid)
    except OSError as error:
        raise SettingsError(f"data_dir: {home} cannot be used: {error.strerror}") from None
    is_shared = config.sandbox == "process" and standing.slot is not None
    present = find_present(readable_by_all=is_shared)
    loop = Loop()
    supervisor = Supervisor(
        loop=loop,
        sandboxes=_sandboxes(
            config, standing, loop, data, present, front_door=listener.getsockname()[1]
        ),
        interpreters=present.all,
        start_node=_node_starter(config, standing, listener, home, present.pythons),
    )
    try:
        return supervisor.run()
    finally:
        listener.close()
        os.close(lock)


@dataclass(frozen=True)
class _Standing:
    """Who this server is on its machine: with a slot and user ids of its own when it is root, be it
    only in a user namespace; just an ordinary user's program otherwise."""

    slot: Slot | None
    is_rootless: bool = False

    @property
    def node_uid(self) -> int | None:
        return self.slot.node_uid if self.slot else None


def _find_standing(config: Config) -> _Standing:
    if os.geteuid() == 0:
        return _Standing(Slot(_RUN_DIRECTORY))
    if config.sandbox == "process":
        return _Standing(None)
    if sys.platform != "linux":
        raise SettingsError(
            "sandbox: isolating functions by namespaces needs Linux. --sandbox process runs "
            f"functions {_WITHOUT}"
        )
    try:
        directory = _users_run_directory(os.getuid())
        users = of_namespace(user_namespace.enter())
        return _Standing(Slot(directory, users), is_rootless=True)
    except OSError as error:
        raise SettingsError(
            f"sandbox: isolating functions by namespaces needs root, or a user namespace: {error}. "
            "`lambdad doctor` says what this machine offers. --sandbox process runs functions "
            f"{_WITHOUT}"
        ) from None


def _users_run_directory(user: int) -> Path:
    """Where the servers of this user take their slots; nobody else can write there."""
    directory = Path(os.environ.get("XDG_RUNTIME_DIR") or "/tmp") / f"lambdad-{user}"  # noqa: S108
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o022:
        raise SettingsError(
            f"{directory} must be a directory that only you can write to; remove it"
        )
    return directory


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


def _sandboxes(
    config: Config,
    standing: _Standing,
    loop: Loop,
    data: Path,
    present: Present,
    front_door: int,
) -> Callable[[], Sandboxes]:
    """How to make the sandboxes for one node's life."""
    trees = RuntimeTrees(data / "runtimes")
    trees.remove_unfinished()
    user_ids = standing.slot.user_ids() if standing.slot else None
    code_directory = data / "node/code"
    directories = HostDirectories(config.file_systems, config.hot_reload, os.path.realpath(data))
    if config.sandbox == "process":
        if config.egress != "none":
            raise SettingsError(
                "egress: functions in process sandboxes have this machine's network, whatever this "
                "setting says; leave it out, or choose --sandbox namespaces"
            )
        return lambda: Guarded(
            Processes(
                loop=loop,
                user_ids=user_ids,
                interpreters=present.pythons,
                languages=present.languages,
                trees=trees,
                code_directory=code_directory,
                temporary_directory=data / "sandboxes",
                directories=directories,
            )
        )
    assert user_ids is not None
    groups = _prepare_namespaces(config, standing)
    atexit.register(groups.remove_all)  # our own directory, which is empty by then
    egress = open_egress(config, loop, front_door, data)
    if egress is not None:
        atexit.register(egress.close)
    ground = Ground(loop, groups, user_ids, egress=egress)
    host = HostMounts(directories, can_map=not standing.is_rootless)
    if problem := host.problem():
        raise SettingsError(f"file_systems: {problem}.")
    return lambda: Guarded(
        Namespaces(
            ground=ground,
            interpreters=present.pythons,
            languages=present.languages,
            trees=trees,
            code_directory=code_directory,
            root=data / "root",
            pool_mb=config.pool_memory,
            host=host,
        )
    )


def _prepare_namespaces(config: Config, standing: _Standing) -> Cgroups:
    """Leave the host's mount namespace, so that no mount of ours outlives us, and find cgroups."""
    assert standing.slot is not None
    name = standing.slot.name
    try:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_SLAVE)
        if standing.is_rootless:
            return _tell_if_weaker(cgroup_search.find_delegated_cgroups(name))
        groups = cgroup_search.find_cgroups(name)
    except OSError as error:
        raise SettingsError(
            f"sandbox: this machine does not let us make namespaces and cgroups: {error}. "
            f"--sandbox process runs functions {_WITHOUT}"
        ) from None
    if config.cgroup_favordynmods:
        try:
            cgroup_search.mount_favordynmods(_RUN_DIRECTORY / "favordynmods")
        except OSError:
            pass  # starts are slower on an idle machine, nothing else
    return groups


def _tell_if_weaker(groups: Cgroups) -> Cgroups:
    if not groups.is_enforced:
        print(
            "lambdad: no cgroups are delegated to you: memory is watched, and the CPU share of "
            "functions is not kept. `lambdad doctor` says how to have them delegated.",
            file=sys.stderr,
        )
    return groups


def _node_starter(
    config: Config,
    standing: _Standing,
    listener: socket.socket,
    home: Path,
    interpreters: dict[str, Interpreter],
) -> Callable[[int], int]:
    def start(node_socket: int) -> int:
        description = config.to_descriptor()
        prefixes = [interpreter.prefix for interpreter in interpreters.values()]
        process = node_process.NodeProcess(
            *(node_socket, listener.fileno(), description, home, prefixes, standing.node_uid),
            variables=node_process.CLIENT_VARIABLES if config.service_urls else (),
        )
        try:
            return process.start()
        finally:
            os.close(description)

    return start


if __name__ == "__main__":
    sys.exit(main())
