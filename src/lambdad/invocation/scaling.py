"""POLICY: whether a request without an idle environment waits for one or has one made.

Waiting costs at most as much as making one would have: who waits in vain has waited that long, and
then one is made.
"""

from __future__ import annotations

START_SECONDS = 0.01  # what making an environment takes, about, with its Init
_WEIGHT = 1 / 8  # of the latest duration


def choose_wait(waiting: int, busy: int, duration: float | None) -> float:
    """For how many seconds to wait at most; 0 when one is to be made at once. `waiting` requests
    come first, `busy` environments have an event, each for `duration` seconds on average."""
    if not busy or duration is None:
        return 0.0
    expected = (waiting + 1) * duration / busy
    return START_SECONDS if expected < START_SECONDS else 0.0


def average(so_far: float | None, latest: float) -> float:
    """The exponentially weighted mean of durations, with one more."""
    return latest if so_far is None else so_far + (latest - so_far) * _WEIGHT
