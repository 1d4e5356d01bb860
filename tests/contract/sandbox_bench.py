"""A bench for sandboxes of any kind: a loop, and what a node would hold."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from user_namespace_run import IN_USER_NAMESPACE

from lambdad.launcher import cgroup_search, packets
from lambdad.launcher.cgroups import Cgroups
from lambdad.launcher.cgroups_v1 import Version1
from lambdad.launcher.contract import Exit, Order, Sandbox, Sandboxes
from lambdad.launcher.forked_sandbox import Ground
from lambdad.launcher.guarded import Guarded
from lambdad.launcher.host_directories import HostDirectories
from lambdad.launcher.host_mounts import HostMounts
from lambdad.launcher.interpreters import find_interpreters
from lambdad.launcher.languages import find_languages
from lambdad.launcher.loop import Loop
from lambdad.launcher.namespaces import Namespaces
from lambdad.launcher.no_cgroups import NoCgroups
from lambdad.launcher.pool import WAITING_MB
from lambdad.launcher.process import Processes
from lambdad.launcher.runtime_trees import RuntimeTrees
from lambdad.launcher.slots import Slot, of_namespace
from lambdad.launcher.stub import Stub

PATIENCE = 30.0
QUIET_SECONDS = 0.2
RUNTIME = "python3.11"
ACCOUNT = "000000000000"
_ACCESS_POINT = f"arn:aws:elasticfilesystem:us-east-1:{ACCOUNT}:access-point/fsap-"
SHARED, GONE = _ACCESS_POINT + "0" * 17, _ACCESS_POINT + "1" * 17
OWNER = 12_345  # of what is shared
VARIABLES = {
    "_HANDLER": "app.handler",
    "LAMBDA_TASK_ROOT": "/var/task",
    "TZ": ":UTC",
    "AWS_LAMBDA_FUNCTION_NAME": "echo",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    "AWS_REGION": "us-east-1",
    "AWS_LAMBDA_LOG_GROUP_NAME": "g",
    "AWS_LAMBDA_LOG_STREAM_NAME": "s",
}
_EVENT_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Lambda-Runtime-Aws-Request-Id: r1\r\nLambda-Runtime-Deadline-Ms: 9999999999999\r\n"
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:000000000000:function:echo\r\n"
    b"Content-Length: %d\r\n\r\n"
)


class Made(NamedTuple):
    """Sandboxes, and what is to be done when they are gone."""

    sandboxes: Sandboxes
    tidy: Callable[[], None]


Make = Callable[[Loop, Path, int], Made]


class NotHere(Exception):
    """This machine cannot make sandboxes of this kind."""


def make_stub(loop: Loop, directory: Path, pool_mb: int) -> Made:
    return Made(Stub(loop), lambda: None)


def make_process(loop: Loop, directory: Path, pool_mb: int) -> Made:
    found = find_interpreters(readable_by_all=os.geteuid() == 0)
    if RUNTIME not in found:
        raise NotHere(f"no {RUNTIME} here can be run by an ordinary user")
    slot = Slot(directory / "slots")
    sandboxes = Processes(
        loop=loop,
        user_ids=slot.user_ids() if os.geteuid() == 0 else None,
        interpreters=found,
        languages=find_languages(),
        trees=RuntimeTrees(directory / "runtimes"),
        code_directory=directory / "code",
        temporary_directory=directory / "sandboxes",
        directories=host_directories(directory),
    )
    return Made(sandboxes, lambda: os.close(slot._lock))


def make_namespaces(loop: Loop, directory: Path, pool_mb: int) -> Made:
    if IN_USER_NAMESPACE:
        slot = Slot(directory / "slots", of_namespace(IN_USER_NAMESPACE))
        groups = cgroup_search.find_delegated_cgroups(slot.name)
    else:
        slot = Slot(Path("/run/lambdad"))
        groups = cgroup_search.find_cgroups(slot.name)
    return _made(loop, directory, pool_mb, slot, groups)


def make_with_version1_freezer(loop: Loop, directory: Path, pool_mb: int) -> Made:
    if not (cgroup_search.ROOT / "freezer/tasks").exists():
        raise NotHere("there is no freezer of cgroup version 1")
    slot = Slot(Path("/run/lambdad"))
    groups = Version1(f"lambdad-{slot.name}", cgroup_search.ROOT, None)
    return _made(loop, directory, pool_mb, slot, groups)


def make_without_cgroups(loop: Loop, directory: Path, pool_mb: int) -> Made:
    return _made(loop, directory, pool_mb, Slot(Path("/run/lambdad")), NoCgroups())


def _made(loop: Loop, directory: Path, pool_mb: int, slot: Slot, groups: Cgroups) -> Made:
    sandboxes = namespaces_on(Ground(loop, groups, slot.user_ids()), directory, pool_mb)

    def tidy() -> None:
        groups.remove_all()
        os.close(slot._lock)

    return Made(sandboxes, tidy)


def namespaces_on(ground: Ground, directory: Path, pool_mb: int) -> Namespaces:
    return Namespaces(
        ground=ground,
        interpreters=find_interpreters(),
        languages=find_languages(),
        trees=RuntimeTrees(directory / "runtimes"),
        code_directory=directory / "code",
        root=directory / "root",
        pool_mb=pool_mb,
        host=HostMounts(host_directories(directory), can_map=not IN_USER_NAMESPACE),
    )


def host_directories(directory: Path) -> HostDirectories:
    """What the operator of these tests lists."""
    file_systems = {SHARED: str(directory / "shared"), GONE: str(directory / "gone")}
    return HostDirectories(file_systems, [str(directory / "live")], private=str(directory / "code"))


@dataclass
class Bench:
    """The sandboxes under test, and those of them that were started."""

    loop: Loop
    sandboxes: Sandboxes
    tidy: Callable[[], None]
    room: int = 0  # for those that wait
    started: list[Started] = field(default_factory=list)

    @classmethod
    def make(cls, make: Make, directory: Path, pool_mb: int = 0) -> Bench:
        loop = Loop()
        try:
            made = make(loop, directory, pool_mb)
        except BaseException:
            loop.close()
            raise
        return cls(loop, Guarded(made.sandboxes), made.tidy, pool_mb // WAITING_MB)

    def close(self) -> None:
        self.sandboxes.close()
        self.until(lambda: all(started.has_ended for started in self.started))
        for started in self.started:
            started.hang_up()
        self.loop.run_until_alone(PATIENCE)
        self.loop.run_once(0.05)
        self.loop.close()
        self.tidy()

    def until(self, condition: Callable[[], object], patience: float = PATIENCE) -> None:
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, "it did not happen"
            self.loop.run_once(0.01)

    def prepare(self, account_id: str = ACCOUNT) -> None:
        answers: list[str | None] = []
        self.sandboxes.prepare(RUNTIME, account_id, 256, answers.append)
        self.until(lambda: answers)
        assert answers == [None]

    def start(
        self, environment_id: str = "e1", ahead: dict[str, str] | None = None, **order: Any
    ) -> Started:
        """Start a sandbox; `order` says what is unusual about it."""
        members = {"runtime": RUNTIME, "account_id": ACCOUNT, "code": "echo"}
        members |= {"memory_mb": 256, "ephemeral_storage_mb": 64, **order}
        started = Started(self, Order(environment_id, **members))
        started.begin(ahead)
        self.started.append(started)
        return started

    def happens(self, condition: Callable[[], object], patience: float) -> bool:
        try:
            self.until(condition, patience)
        except AssertionError:
            return False
        return True

    def is_full(self) -> bool:
        """As many wait as may, besides those that were started and run; and said that they do."""
        if not self.room:
            return True
        wanted = self.room + sum(not s.has_ended for s in self.started)
        return len(self.waiting()) == wanted == len(namespaces_held())

    def zygotes(self) -> list[int]:
        return [child for child in children(os.getpid()) if children(child)]

    def waiting(self) -> dict[int, int]:
        """The processes that zygotes have forked, by user id: one that has taken its own waits, or
        runs a function."""
        pids = [env for zygote in children(os.getpid()) for env in children(zygote)]
        return {uid: pid for pid in pids if (uid := _user_of(pid))}


class Started:
    """A sandbox, and the node's ends of what it was given; `ends` has an Exit for each run."""

    def __init__(self, bench: Bench, order: Order) -> None:
        self.order = order
        self.ends: list[Exit] = []
        self.runs = 0
        self.api: socket.socket | None = None
        self.handed: list[str] = []
        self._bench = bench
        self._channel: socket.socket | None = None
        self._output: int | None = None
        self._connection: socket.socket | None = None

    def begin(self, ahead: dict[str, str] | None = None) -> None:
        """Start it; the assignment is sent ahead when its variables are known, as the node does."""
        self._ahead = ahead
        sandboxes = self._bench.sandboxes
        self._give(
            lambda channel, output: setattr(
                self, "sandbox", sandboxes.start(self.order, channel, output, self.ends.append)
            )
        )

    sandbox: Sandbox

    def restart(self, ahead: dict[str, str] | None = None) -> None:
        """Another run, with a new channel and output."""
        self._ahead = ahead
        self._drop_connections()
        self._give(self.sandbox.restart)

    @property
    def has_ended(self) -> bool:
        return len(self.ends) == self.runs

    def end(self) -> Exit:
        """Wait for the end of this run."""
        self._bench.until(lambda: self.has_ended)
        return self.ends[-1]

    def kill(self) -> Exit:
        self.sandbox.kill()
        return self.end()

    def assign(self, **variables: str) -> None:
        """What the node does: send the assignment, take what the sandbox hands out."""
        assert self._channel is not None
        if self._ahead is None:
            packets.send(self._channel, {"variables": {**VARIABLES, **variables}})
        message, descriptors = self.hear()
        assert "failed" not in message, message
        self.handed = message["handed"]
        for name, descriptor in zip(self.handed, descriptors, strict=True):
            if name == "runtime_api":
                self._take_api(socket.socket(fileno=descriptor))
            elif name == "output" and self._output is not None:
                os.close(self._output)
                self._output = descriptor
            else:
                os.close(descriptor)

    def hear(self) -> packets.Packet:
        """What the sandbox says on its channel."""
        channel = self._channel
        assert channel is not None
        self._bench.until(lambda: select.select([channel], [], [], 0)[0])
        packet = packets.receive(channel)
        assert packet is not None, "it ended without a word"
        return packet

    def call(self, event: Any) -> Any:
        """Be the Runtime API for one event, and return the function's answer."""
        self.send_event(event)
        connection, requests = self._connected()
        assert requests.readline().startswith(b"POST /2018-06-01/runtime/invocation/r1/response")
        answer = json.loads(requests.read(int(_read_headers(requests)[b"content-length"])))
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        return answer

    def send_event(self, event: Any) -> None:
        connection, requests = self._connected()
        assert requests.readline().startswith(b"GET /2018-06-01/runtime/invocation/next")
        _read_headers(requests)
        content = json.dumps(event).encode()
        connection.sendall(_EVENT_HEAD % len(content) + content)

    def printed(self) -> bytes:
        """What has been printed and not been asked for yet."""
        assert self._output is not None
        text = b""
        while select.select([self._output], [], [], 0)[0]:
            if not (more := os.read(self._output, 65536)):
                break
            text += more
        return text

    def is_quiet(self) -> bool:
        """Nothing has been printed, and for a while nothing is."""
        self.printed()
        return not select.select([self._output], [], [], QUIET_SECONDS)[0]

    def hang_up(self) -> None:
        for end in (self._channel, self.api):
            if end is not None:
                end.close()
        if self._output is not None:
            os.close(self._output)
        self._channel = self.api = self._output = None
        self._close_connection()

    def _give(self, begin: Callable[[int, int], object]) -> None:
        ours, theirs = packets.socket_pair()
        reading, writing = os.pipe()
        if self._ahead is not None:
            packets.send(ours, {"variables": {**VARIABLES, **self._ahead}})
        try:
            begin(theirs.fileno(), writing)
        except OSError:
            ours.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        if self._channel is not None and self._output is not None:
            self._channel.close()
            os.close(self._output)
        self._close_connection()
        self._channel, self._output = ours, reading
        self.runs += 1

    def _take_api(self, api: socket.socket) -> None:
        if self.api is not None:
            self.api.close()
        self.api = api

    def _connected(self) -> tuple[socket.socket, Any]:
        if self._connection is None:
            api = self.api
            assert api is not None
            self._bench.until(lambda: select.select([api], [], [], 0)[0])
            self._connection, _ = api.accept()
            self._connection.settimeout(PATIENCE)
            self._requests = self._connection.makefile("rb")
        return self._connection, self._requests

    def _drop_connections(self) -> None:
        """The dead may have connected, and nobody has answered them."""
        while self.has_ended and self.api and select.select([self.api], [], [], 0)[0]:
            self.api.accept()[0].close()

    def _close_connection(self) -> None:
        if self._connection is not None:
            self._requests.close()
            self._connection.close()
            self._connection = None


def namespaces_held() -> set[str]:
    """The mount namespaces that this process has open: each sandbox gives its own when it waits."""
    links = {_link_of(f"self/fd/{descriptor}") for descriptor in os.listdir("/proc/self/fd")}
    return {link for link in links if link.startswith("mnt:")}


def namespace_of(pid: int) -> str:
    """Its mount namespace."""
    return _link_of(f"{pid}/ns/mnt")


def children(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]


def _link_of(name: str) -> str:
    try:
        return os.readlink(f"/proc/{name}")
    except OSError:
        return ""


def _user_of(pid: int) -> int:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return 0


def _read_headers(requests: Any) -> dict[bytes, bytes]:
    headers = {}
    for line in iter(requests.readline, b"\r\n"):
        assert line, "the connection ended"
        name, _, value = line.partition(b":")
        headers[name.strip().lower()] = value.strip()
    return headers
