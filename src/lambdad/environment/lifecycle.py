"""The states of an execution environment, and which may follow which.

STARTING ──▶ READY ⇄ INVOKING      FROZEN is not a state: an environment that is READY may be
  ▲  │         │        │           frozen, and an event thaws it.
  │  ▼         │        ▼
 FAILED ◀──────┼────  (a failure)   FAILED: its processes have ended or are about to; its next
               ▼                    event starts it again, in the same place.
           STOPPING ──▶ STOPPED
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where an execution environment is in its life."""

    STARTING = "STARTING"
    READY = "READY"
    INVOKING = "INVOKING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"


# What is not in this table is a mistake of ours.
_MAY_FOLLOW = {
    State.STARTING: {State.READY, State.FAILED, State.STOPPING, State.STOPPED},
    State.READY: {State.INVOKING, State.STOPPING, State.STOPPED},
    State.INVOKING: {State.READY, State.FAILED, State.STOPPING, State.STOPPED},
    State.STOPPING: {State.STOPPED},
    State.FAILED: {State.STARTING, State.STOPPING, State.STOPPED},
    State.STOPPED: set(),
}


def next_state(now: State, then: State) -> State:
    """`then`, when it may follow `now`; AssertionError naming both when it may not."""
    if then not in _MAY_FOLLOW[now]:
        raise AssertionError(f"an execution environment cannot go from {now.name} to {then.name}")
    return then
