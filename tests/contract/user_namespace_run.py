"""Running the contract as an ordinary user who is root of a user namespace.

A process enters a user namespace for good, so it is a test run of its own: `test_without_root`
starts it with a variable, and this module, imported first of all, enters.
"""

from __future__ import annotations

import os

from lambdad.launcher import syscalls, user_namespace

VARIABLE = "LAMBDAD_TEST_USER_NAMESPACE"


def _enter() -> int:
    count = user_namespace.enter()
    syscalls.unshare(syscalls.CLONE_NEWNS)
    syscalls.mount(None, "/", None, syscalls.MS_REC | syscalls.MS_SLAVE)
    return count


# How many ids there are in it; 0 outside.
IN_USER_NAMESPACE = _enter() if os.environ.pop(VARIABLE, "") else 0
