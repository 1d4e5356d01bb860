"""Slots and user ids: nobody shares one, and what was given back is used again late."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from lambdad.launcher import slots
from lambdad.launcher.slots import NODE_UID, Slot, UserIds


def test_two_servers_have_two_slots_and_no_user_id_in_common(tmp_path: Path) -> None:
    first, second = Slot(tmp_path), Slot(tmp_path)
    assert (first.number, second.number) == (0, 1)
    ids = {first.user_ids().take(), second.user_ids().take()}
    assert len(ids) == 2


def test_a_slot_is_free_again_when_its_server_is_gone(tmp_path: Path) -> None:
    first = Slot(tmp_path)
    Slot(tmp_path)
    os.close(first._lock)  # as the kernel does, however the server went
    assert Slot(tmp_path).number == 0


def test_no_program_inherits_the_lock(tmp_path: Path) -> None:
    slot = Slot(tmp_path)
    assert fcntl.fcntl(slot._lock, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_more_servers_than_slots_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "_SLOTS", 1)
    Slot(tmp_path)
    with pytest.raises(OSError, match="servers run on this machine already"):
        Slot(tmp_path)


def test_the_ranges_of_all_slots_are_apart_and_fit_a_user_id(tmp_path: Path) -> None:
    slot = Slot(tmp_path)
    taken: list[int] = []
    for number in (0, 1, slots._SLOTS - 1):
        slot.number = number
        taken.append(slot.user_ids().take())
    assert taken[1] - taken[0] == slots._UIDS_PER_SLOT
    assert taken[0] > NODE_UID
    assert taken[-1] + slots._UIDS_PER_SLOT < 2**31


def test_no_user_id_is_out_twice_and_a_returned_one_comes_last() -> None:
    ids = UserIds(10, 13)
    assert [ids.take(), ids.take()] == [10, 11]
    ids.give_back(10)
    assert ids.take() == 12
    assert ids.take() == 10
    with pytest.raises(OSError, match="every user id"):
        ids.take()


def test_returned_user_ids_come_in_the_order_of_their_return() -> None:
    ids = UserIds(0, 3)
    for uid in [ids.take(), ids.take(), ids.take()][::-1]:
        ids.give_back(uid)
    assert [ids.take(), ids.take(), ids.take()] == [2, 1, 0]
