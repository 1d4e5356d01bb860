"""A zygote and control groups that do what a test says."""

from __future__ import annotations

import os
from typing import Any

from lambdad.launcher import packets
from lambdad.launcher.cgroups import Cgroup, Limits
from lambdad.launcher.contract import Gauges
from lambdad.launcher.zygotes import OnExited, OnWaiting, ZygoteProcess


class PlayedZygote(ZygoteProcess):
    """Forks nothing; the newest environment waits and ends when it is told to."""

    def __init__(self) -> None:
        self.is_gone = False
        self.requests: list[dict[str, Any]] = []
        self.signals: list[str] = []
        self.problem: OSError | None = None
        self.pipes: list[int] = []  # standard input and output of a program of another language
        self._line: int | None = None

    def fork(
        self,
        request: dict[str, Any],
        descriptors: list[int],
        waiting: OnWaiting,
        exited: OnExited,
    ) -> None:
        if self.problem:
            raise self.problem
        self.requests.append(request)
        self.close()
        self._line = os.dup(descriptors[0])
        for descriptor in descriptors[1:3] if request["standby"] else ():
            self.pipes.append(os.dup(descriptor))
        self._waiting_callback, self._exited = waiting, exited

    def signal(self, environment_id: str, what: str) -> None:
        self.signals.append(what)

    def wait(self) -> None:
        namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY)
        self._waiting_callback(namespace, os.pidfd_open(os.getpid()), {})

    def take_assignment(self) -> dict[str, Any]:
        assert self._line is not None
        with packets.from_descriptor(os.dup(self._line)) as line:
            packet = packets.receive(line)
        assert packet is not None
        for descriptor in packet[1]:
            os.close(descriptor)
        return packet[0]

    def say(self, message: dict[str, Any]) -> None:
        assert self._line is not None
        with packets.from_descriptor(os.dup(self._line)) as line:
            packets.send(line, message)

    def exit(self, status: int = 9) -> None:
        self.close()
        self._exited(status)

    def close(self) -> None:
        if self._line is not None:
            os.close(self._line)
            self._line = None
        while self.pipes:
            os.close(self.pipes.pop())


class PlayedGroup:
    """Has what a test gives it."""

    def __init__(self, owner: PlayedCgroups, name: str) -> None:
        self._owner, self._name = owner, name
        self.limits: tuple[int, int] | None = None
        self.is_frozen = False
        self.in_use = self.kills = self.peak = 0
        self.limit_problem: OSError | None = None

    def entered(self, pid: int) -> None:
        assert pid == os.getpid()

    def limit(self, limits: Limits) -> None:
        if self.limit_problem:
            raise self.limit_problem
        self.limits = (limits.memory_mb, limits.ephemeral_storage_mb)

    def data_limit(self, limits: Limits) -> int | None:
        return None

    def open_entrances(self) -> list[int]:
        if self._owner.entrance_problem:
            raise self._owner.entrance_problem
        return [os.open("/dev/null", os.O_WRONLY)]

    def open_gauges(self, limits: Limits) -> Gauges:
        return Gauges()

    def memory_peak(self) -> int:
        return self.peak

    def forget_memory_peak(self) -> None:
        self.peak = 0

    def memory_in_use(self, tmp: int) -> int:
        return self.in_use

    def out_of_memory_kills(self) -> int:
        return self.kills

    def thaw(self) -> None:
        self.is_frozen = False

    def remove(self) -> None:
        del self._owner.groups[self._name]


class PlayedCgroups:
    """The groups that there are, by name."""

    is_enforced = True

    def __init__(self) -> None:
        self.groups: dict[str, PlayedGroup] = {}
        self.problem: OSError | None = None
        self.entrance_problem: OSError | None = None

    def create(self, name: str) -> Cgroup:
        if self.problem:
            raise self.problem
        self.groups[name] = PlayedGroup(self, name)
        return self.groups[name]

    def remove_all(self) -> None:
        self.groups.clear()
