"""A number for each server on this machine, and the user ids that go with it.

Two servers may run side by side; each locks a slot, and slot and user ids are free again when it
is gone, however it went. The lock also tells whose leftovers may be removed.
"""

from __future__ import annotations

import fcntl
import os
from collections import deque
from pathlib import Path

NODE_UID = 1_899_999_999
_FIRST_UID = 1_900_000_000
_UIDS_PER_SLOT = 100_000
_SLOTS = 1_000


class Slot:
    """A locked slot; the lock lives as long as the process."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        for number in range(_SLOTS):
            descriptor = os.open(
                directory / f"slot-{number}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            self.number = number
            self._lock = descriptor
            return
        raise OSError(f"{_SLOTS} servers run on this machine already")

    def user_ids(self) -> UserIds:
        """The user ids of this slot's environments."""
        first = _FIRST_UID + self.number * _UIDS_PER_SLOT
        return UserIds(first, first + _UIDS_PER_SLOT)


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
