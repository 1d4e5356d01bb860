"""Slots and user ids: nobody shares one, and what was given back is used again late."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

import pytest

from lambdad.launcher.slots import OF_ROOT, Slot, UserIdRange, UserIds, of_namespace


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


def test_a_servers_name_is_its_successors_and_nobody_elses(tmp_path: Path) -> None:
    # Given
    first = Slot(tmp_path / "here")
    elsewhere = Slot(tmp_path / "in another container")
    # Then
    assert first.number == elsewhere.number == 0
    assert first.name != elsewhere.name
    # And
    os.close(first._lock)
    assert Slot(tmp_path / "here").name == first.name


@pytest.mark.parametrize("content", ["", "abc", "../../up", "\xff" * 8])
def test_a_lock_file_that_somebody_has_spoilt_makes_no_name_of_it(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "slot-0.lock").write_text(content, "latin-1")
    slot = Slot(tmp_path)
    assert re.fullmatch("0-[0-9a-f]{8}", slot.name)
    os.close(slot._lock)
    assert Slot(tmp_path).name == slot.name


def test_no_program_inherits_the_lock(tmp_path: Path) -> None:
    slot = Slot(tmp_path)
    assert fcntl.fcntl(slot._lock, fcntl.F_GETFD) & fcntl.FD_CLOEXEC


def test_more_servers_than_slots_are_refused(tmp_path: Path) -> None:
    one = UserIdRange(node=1, first=2, per_slot=10, slots=1)
    Slot(tmp_path, one)
    with pytest.raises(OSError, match="1 servers run here already"):
        Slot(tmp_path, one)


def highest_user_of(slot: Slot, number: int, per_slot: int) -> int:
    slot.number = number
    ids = slot.user_ids()
    return [ids.take() for _ in range(per_slot)][-1]


@pytest.mark.parametrize(
    ("users", "end"),
    [(OF_ROOT, 2**31), (of_namespace(65_537), 65_537), (of_namespace(1_001), 1_001)],
)
def test_the_ranges_of_all_slots_are_apart_and_within_what_there_is(
    tmp_path: Path, users: UserIdRange, end: int
) -> None:
    slot = Slot(tmp_path, users)
    first = slot.user_ids().take()
    last_of_first = highest_user_of(slot, 0, users.per_slot)
    slot.number = 1
    assert last_of_first < slot.user_ids().take() == first + users.per_slot
    assert highest_user_of(slot, users.slots - 1, users.per_slot) < end


@pytest.mark.parametrize("users", [OF_ROOT, of_namespace(65_537)])
def test_the_nodes_user_is_nobody_elses(tmp_path: Path, users: UserIdRange) -> None:
    slot = Slot(tmp_path, users)
    assert 0 < slot.node_uid < slot.user_ids().take()


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
