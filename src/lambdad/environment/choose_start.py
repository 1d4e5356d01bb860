"""POLICY: how the first process of an environment comes to be.

A process that runs already cannot honour what is read only when a program starts. Where a function
sets such a variable, its runtime is started as a program; everywhere else one that is warm serves.
A runtime that is no Python is started as a program, whatever the function sets.
"""

from __future__ import annotations

from collections.abc import Mapping

from lambdad.model.runtime import is_python

# Read by the dynamic loader, the C library, its allocator, OpenSSL, and the interpreter.
_PREFIXES = ("LD_", "LC_", "MALLOC_", "PYTHON", "OPENSSL_")
_NAMES = frozenset({"LANG", "LANGUAGE", "GLIBC_TUNABLES", "AWS_LAMBDA_EXEC_WRAPPER"})


def choose_start(runtime: str, variables: Mapping[str, str]) -> str:
    """`pool`, `spawn` or `bootstrap` (see the launcher's contract), for a function of this runtime
    with these variables of its own. A pool that is dry forks."""
    if not is_python(runtime):
        return "bootstrap"
    needs_program = any(name in _NAMES or name.startswith(_PREFIXES) for name in variables)
    return "spawn" if needs_program else "pool"
