"""POLICY: whether a request without an idle environment waits for one or has one made.

Waiting costs at most as much as making one would have: who waits in vain has waited that long, and
then one is made. And no more wait than there are environments that have an event: one that is there
already when the event before it is over costs nothing, whereas many that queue for a single
environment would be slower one after the other than beside each other.
"""

from __future__ import annotations

START_SECONDS = 0.01  # what making an environment takes at least, with its Init
_LONGEST_START_SECONDS = 0.03  # that anybody should wait for, however busy the machine is
_WEIGHT = 1 / 8  # of the latest duration


def choose_wait(
    *, waiting: int, busy: int, starting: int, duration: float | None, start: float | None
) -> float:
    """For how many seconds to wait at most; 0 when one is to be made at once. `waiting` requests
    come first. `busy` environments have an event, each for `duration` seconds on average, others
    are `starting`, which takes them `start` seconds; None is for what is not known yet."""
    if not busy or duration is None or waiting >= busy + starting:
        return 0.0
    expected = (waiting + 1) * duration / busy
    longest = min(max(start or 0.0, START_SECONDS), _LONGEST_START_SECONDS)
    return longest if expected < longest else 0.0


def average(so_far: float | None, latest: float) -> float:
    """The exponentially weighted mean of durations, with one more."""
    return latest if so_far is None else so_far + (latest - so_far) * _WEIGHT
