"""The kernel: its version, and whether its calls do what a sandbox needs of them."""

from __future__ import annotations

import os

from lambdad.launcher.probes import attempts
from lambdad.launcher.probes.machine import Kernel, User


def probe_kernel(user: User) -> Kernel:
    """Try as this user would have to; elsewhere than on Linux there is nothing to try."""
    about = os.uname()
    if about.sysname != "Linux":
        return Kernel(about.sysname, about.release, about.machine)
    namespaces = attempts.make_namespaces if user.is_root else attempts.make_namespaces_as_user
    return Kernel(
        about.sysname,
        about.release,
        about.machine,
        calls_error=attempts.attempt(attempts.use_new_calls),
        seccomp_error=attempts.attempt(attempts.load_filter),
        namespaces_error=attempts.attempt(namespaces),
    )
