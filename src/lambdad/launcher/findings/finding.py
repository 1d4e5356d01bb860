"""One line of what `lambdad doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """`weaker` works with less; without what is `missing`, no sandbox isolates."""

    OK = "ok"
    WEAKER = "weaker"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` there is, `why` it is not the best, and the `command` that changes it; the last two
    are empty where there is nothing to say."""

    subject: str
    state: State
    what: str
    why: str = ""
    command: str = ""


def ok(subject: str, what: str) -> Finding:
    """As good as it can be."""
    return Finding(subject, State.OK, what)


def weaker(subject: str, what: str, why: str, command: str = "") -> Finding:
    """It works, with less."""
    return Finding(subject, State.WEAKER, what, why, command)


def missing(subject: str, what: str, why: str, command: str = "") -> Finding:
    """No sandbox isolates without it."""
    return Finding(subject, State.MISSING, what, why, command)
