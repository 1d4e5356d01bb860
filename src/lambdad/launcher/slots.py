"""A number for each server on this machine, and the user ids that go with it.

Two servers may run side by side; each locks a slot, and slot and user ids are free again when it
is gone, however it went. The lock also tells whose leftovers may be removed.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections import deque
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class UserIdRange:
    """The user ids that the servers of a machine (or of one user's namespaces) have among them: one
    for every node, and for the environments of each slot `per_slot`, from `first` on."""

    node: int
    first: int
    per_slot: int
    slots: int


OF_ROOT = UserIdRange(node=1_899_999_999, first=1_900_000_000, per_slot=100_000, slots=1_000)
_SLOTS_OF_A_NAMESPACE = 8
_TOKEN_LENGTH = 8


def of_namespace(count: int) -> UserIdRange:
    """Those of a user namespace with `count` ids, 0 being the server's own."""
    per_slot = (count - 2) // _SLOTS_OF_A_NAMESPACE
    return UserIdRange(node=1, first=2, per_slot=per_slot, slots=_SLOTS_OF_A_NAMESPACE)


class Slot:
    """A locked slot; the lock lives as long as the process.

    `name` is what a server calls things that outlive it when it is killed, such as its cgroups. The
    next server with this lock has the same one. A server in another container, which may have a
    slot of the same number, has another: what is its own must not be taken for a leftover.
    """

    def __init__(self, directory: Path, users: UserIdRange = OF_ROOT) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._users = users
        for number in range(users.slots):
            descriptor = os.open(
                directory / f"slot-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            self.number = number
            self.name = f"{number}-{_token_in(descriptor)}"
            self._lock = descriptor
            return
        raise OSError(f"{users.slots} servers run here already")

    @property
    def node_uid(self) -> int:
        """The user id of the node."""
        return self._users.node

    def user_ids(self) -> UserIds:
        """The user ids of this slot's environments."""
        first = self._users.first + self.number * self._users.per_slot
        return UserIds(first, first + self._users.per_slot)


def _token_in(lock: int) -> str:
    """What was written into the lock's file when it was first taken."""
    token = os.pread(lock, _TOKEN_LENGTH, 0).decode("ascii", "replace")
    if not re.fullmatch(f"[0-9a-f]{{{_TOKEN_LENGTH}}}", token):
        token = secrets.token_hex(_TOKEN_LENGTH // 2)
        os.pwrite(lock, token.encode(), 0)
    return token


class UserIds:
    """Hands out user ids; one that came back is used again as late as possible."""

    def __init__(self, first: int, end: int) -> None:
        self._next = first
        self._end = end
        self._returned: deque[int] = deque()

    def take(self) -> int:
        """A user id that no living environment has."""
        if self._next < self._end:
            self._next += 1
            return self._next - 1
        if not self._returned:
            raise OSError("every user id for environments is in use")
        return self._returned.popleft()

    def give_back(self, uid: int) -> None:
        """The environment with this user id is gone."""
        self._returned.append(uid)
