"""The pool of sandboxes that wait, with a loop and a clock that a test plays."""

from __future__ import annotations

import pytest
from played_loop import PlayedLoop, PlayedWaiting

from lambdad.launcher.pool import IN_USE_SECONDS, REMEMBERED_SECONDS, WAITING_MB, Pool, PoolKey

KEY = PoolKey("nodejs20.x", "000000000000")
ANOTHER_ACCOUNT = PoolKey("nodejs20.x", "111111111111")
ANOTHER_CLASS = PoolKey("nodejs20.x", "000000000000", 256)
MOMENT = 0.015  # less than it takes until nothing has been started for a while
WHILE = 1.0
ROOM = 4


class Ward:
    """A pool with room for a few, and all that it has made."""

    def __init__(self, room: int = ROOM) -> None:
        self.loop = PlayedLoop()
        self.made: list[PlayedWaiting] = []
        self.problem: OSError | None = None
        self.attempts = 0
        loop: object = self.loop
        self.pool: Pool[PlayedWaiting] = Pool(
            loop,  # type: ignore[arg-type]
            self._make,
            room * WAITING_MB,
            now=self.loop.now,
        )

    def _make(self, key: PoolKey) -> PlayedWaiting:
        self.attempts += 1
        if self.problem:
            raise self.problem
        self.made.append(PlayedWaiting(key))
        return self.made[-1]

    def keys(self) -> list[PoolKey]:
        return [each.key for each in self.made if not each.is_discarded]


@pytest.fixture
def ward() -> Ward:
    return Ward()


def test_none_is_made_before_somebody_asks(ward: Ward) -> None:
    ward.loop.pass_time(WHILE)
    assert ward.made == []


def test_some_wait_for_who_is_expected(ward: Ward) -> None:
    ward.pool.expect(KEY)
    assert ward.made == []  # whoever expects has something else to do first
    ward.loop.pass_time(WHILE)
    assert ward.keys() == [KEY, KEY]


def test_they_are_made_one_after_the_other_with_a_pause(ward: Ward) -> None:
    ward.pool.expect(KEY)
    made = []
    for _ in range(5):
        ward.loop.pass_time(MOMENT)
        made.append(len(ward.made))
    assert made == [0, 1, 2, 2, 2]


def test_one_that_waits_is_taken_once(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    taken = [ward.pool.take(KEY), ward.pool.take(KEY)]
    assert taken == ward.made
    assert ward.pool.take(KEY) is None


def test_who_has_waited_longest_is_taken_first(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    assert ward.pool.take(KEY) is ward.made[0]


def test_another_is_made_for_one_that_was_taken(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    ward.pool.take(KEY)
    ward.loop.pass_time(MOMENT)
    assert len(ward.made) == 2
    ward.loop.pass_time(WHILE)
    assert len(ward.made) == 3


def test_none_is_made_while_others_are_being_started(ward: Ward) -> None:
    """What was started has the machine."""
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    for _ in range(20):
        ward.pool.take(KEY)
        ward.loop.pass_time(MOMENT)
        assert len(ward.made) == 2
    ward.loop.pass_time(WHILE)
    assert len(ward.made) == 2 + ROOM


def test_a_start_with_nobody_waiting_lets_some_wait(ward: Ward) -> None:
    assert ward.pool.take(KEY) is None
    ward.loop.pass_time(WHILE)
    assert ward.keys() == [KEY, KEY]


def test_so_many_wait_as_were_started_lately(ward: Ward) -> None:
    for _ in range(3):
        ward.pool.take(KEY)
    ward.loop.pass_time(WHILE)
    assert len(ward.made) == 3


def test_starts_are_forgotten_after_a_while(ward: Ward) -> None:
    for _ in range(3):
        ward.pool.take(KEY)
    ward.loop.pass_time(REMEMBERED_SECONDS + WHILE)
    taken = [ward.pool.take(KEY) for _ in range(1)]
    assert taken == ward.made[:1]
    ward.loop.pass_time(WHILE)
    assert len(ward.made) == 3  # the two that are left are as many as are wanted now


def test_no_more_wait_than_there_is_room_for(ward: Ward) -> None:
    for _ in range(3 * ROOM):
        ward.pool.take(KEY)
    ward.loop.pass_time(WHILE)
    assert len(ward.made) == ROOM


def test_a_pool_without_room_makes_none() -> None:
    ward = Ward(room=0)
    ward.pool.expect(KEY)
    assert ward.pool.take(KEY) is None
    ward.loop.pass_time(WHILE)
    assert ward.attempts == 0


@pytest.mark.parametrize("other", [ANOTHER_ACCOUNT, ANOTHER_CLASS])
def test_nobody_is_given_what_waits_for_another(ward: Ward, other: PoolKey) -> None:
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    assert ward.pool.take(other) is None


def test_keys_that_are_used_share_the_room(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.pool.expect(ANOTHER_ACCOUNT)
    ward.loop.pass_time(WHILE)
    assert sorted(ward.keys()) == sorted([KEY, KEY, ANOTHER_ACCOUNT, ANOTHER_ACCOUNT])


def test_what_nobody_uses_any_more_is_discarded(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.loop.pass_time(IN_USE_SECONDS - WHILE)
    assert len(ward.keys()) == 2
    ward.loop.pass_time(IN_USE_SECONDS)
    assert ward.keys() == []
    assert ward.attempts == 2


def test_use_keeps_what_waits(ward: Ward) -> None:
    ward.pool.expect(KEY)
    for _ in range(4):
        ward.loop.pass_time(IN_USE_SECONDS / 2)
        ward.pool.take(KEY)
    ward.loop.pass_time(WHILE)
    assert len(ward.keys()) - 4 == 2


def test_the_room_of_one_that_is_discarded_is_anothers(ward: Ward) -> None:
    # Given a pool that is full of what nobody uses any more
    for _ in range(ROOM):
        ward.pool.take(KEY)
    ward.loop.pass_time(IN_USE_SECONDS)
    assert ward.keys() == [KEY] * ROOM
    ward.loop.pass_time(WHILE)
    # When
    ward.pool.expect(ANOTHER_ACCOUNT)
    ward.loop.pass_time(WHILE)
    # Then
    assert ward.keys() == [ANOTHER_ACCOUNT] * 2


def test_an_account_that_was_busy_once_does_not_keep_the_others_waiting(ward: Ward) -> None:
    # Given a burst that has filled the pool, and a calm in which little is wanted
    for _ in range(ROOM):
        ward.pool.take(KEY)
    ward.loop.pass_time(REMEMBERED_SECONDS + WHILE)
    assert ward.keys() == [KEY] * ROOM
    # When another account comes
    ward.pool.expect(ANOTHER_ACCOUNT)
    ward.loop.pass_time(WHILE)
    # Then
    assert ward.keys().count(ANOTHER_ACCOUNT) == 2


# When things go wrong


def test_one_that_dies_waiting_is_not_given_to_anybody(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    dead, living = ward.made
    ward.pool.forget(KEY, dead)
    assert ward.pool.take(KEY) is living
    assert ward.pool.take(KEY) is None


def test_none_is_made_for_one_that_died_until_somebody_asks(ward: Ward) -> None:
    # Given
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    for dead in list(ward.made):
        ward.pool.forget(KEY, dead)
    # When
    ward.loop.pass_time(IN_USE_SECONDS)
    assert len(ward.made) == 2
    # Then
    ward.pool.take(KEY)
    ward.loop.pass_time(WHILE)
    assert len(ward.made) == 4


def test_one_that_was_taken_may_end_as_it_likes(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    taken = ward.pool.take(KEY)
    assert taken is not None
    ward.pool.forget(KEY, taken)
    ward.loop.pass_time(WHILE)
    assert len(ward.made) == 3


def test_one_that_was_discarded_may_say_so(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.loop.pass_time(2 * IN_USE_SECONDS)
    for gone in ward.made:
        assert gone.is_discarded
        ward.pool.forget(KEY, gone)
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    assert len(ward.made) == 4


def test_a_machine_that_has_no_room_for_another_is_not_asked_again_and_again(ward: Ward) -> None:
    # Given
    ward.problem = OSError("no process today")
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    assert ward.attempts == 1
    # When
    ward.problem = None
    ward.pool.take(KEY)
    ward.loop.pass_time(WHILE)
    # Then
    assert len(ward.made) == 2


def test_close_discards_all_that_wait(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.pool.expect(ANOTHER_ACCOUNT)
    ward.loop.pass_time(WHILE)
    taken = ward.pool.take(KEY)
    ward.pool.close()
    assert [each for each in ward.made if not each.is_discarded] == [taken]


def test_nothing_is_made_after_close(ward: Ward) -> None:
    ward.pool.expect(KEY)
    ward.pool.close()
    ward.pool.expect(KEY)
    assert ward.pool.take(KEY) is None
    ward.loop.pass_time(WHILE)
    assert ward.made == []


def test_one_that_ends_at_its_discarding_does_no_harm(ward: Ward) -> None:
    """Its end may be told while it is being discarded."""
    ward.pool.expect(KEY)
    ward.loop.pass_time(WHILE)
    for each in ward.made:
        each.discard = lambda each=each: ward.pool.forget(KEY, each)  # type: ignore[method-assign]
    ward.pool.close()
