"""Waiting for what another process does: by looking again until a deadline, never by sleeping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 20.0
_INTERVAL = 0.01

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, *, timeout: float = PATIENCE) -> T:
    """Ask until the answer is true, and return it; AssertionError naming `what` otherwise."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {timeout:g} s, but {answer!r}"
        time.sleep(_INTERVAL)
    return answer
