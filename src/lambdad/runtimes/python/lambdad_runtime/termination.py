"""SIGTERM for process 1, which the kernel spares unless it has a handler of its own."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn


def end_on_sigterm() -> None:
    """End this process on SIGTERM, unless the function wants otherwise.

    Its forks end as any process does. They get the signal only when they have left our handler
    behind: the interpreter forgets what reaches a fork in its first moments.
    """
    signal.signal(signal.SIGTERM, _terminate)
    os.register_at_fork(
        before=_hold, after_in_parent=_release, after_in_child=_release_with_default
    )


def _hold() -> None:
    if _is_ours():
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))


def _release() -> None:
    if _is_ours():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))


def _release_with_default() -> None:
    if _is_ours():
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))


def _is_ours() -> bool:
    return signal.getsignal(signal.SIGTERM) is _terminate


def _terminate(number: int, frame: object) -> NoReturn:
    try:
        sys.stdout.flush()
    except (AttributeError, OSError, RuntimeError, ValueError):
        pass  # it is closed, or was being written to
    os._exit(128 + number)
