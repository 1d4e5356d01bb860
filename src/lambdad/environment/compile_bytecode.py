"""Compile every Python file of a tree to bytecode, in the interpreter that will run it.

    python3.X -I -S compile_bytecode.py TREE RUN_AT CPU_SECONDS MEMORY_BYTES

Run as a program of its own, on any CPython from 3.9 on: the sources are a customer's, so limits
on memory and time are set before the first of them is read, and what cannot be compiled is left
as it is. The bytecode is never checked against its source again (the tree is read-only where it
runs), and names its files as they will be called there, beneath RUN_AT.

Standard input is a pipe whose other end its starter holds: when the starter dies, the kernel ends
this program.
"""

from __future__ import annotations

import fcntl
import os
import py_compile
import resource
import select
import sys


def main(tree: str, run_at: str, cpu_seconds: int, memory: int) -> None:
    """Compile all of `tree`, within limits."""
    _end_with_starter()
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, cpu_seconds)
    _limit(resource.RLIMIT_AS, memory)
    os.umask(0o022)
    for directory, _, names in os.walk(tree):
        for name in names:
            if name.endswith(".py"):
                _compile(os.path.join(directory, name), tree, run_at)


def _end_with_starter() -> None:
    """Ask for SIGIO, which kills, when the pipe's other end is closed."""
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([0], [], [], 0)[0]:
        sys.exit("the starter is gone already")


def _limit(what: int, value: int) -> None:
    """Lower a limit; a machine that has set a lower one, or knows none, keeps its own."""
    try:
        resource.setrlimit(what, (value, value))
    except (OSError, ValueError):
        pass


def _compile(path: str, tree: str, run_at: str) -> None:
    if os.path.islink(path) or not os.path.isfile(path):
        return
    try:
        py_compile.compile(
            path,
            dfile=run_at + path[len(tree) :],
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        )
    except (Exception, RecursionError, MemoryError):  # noqa: S110
        # A file that is no Python of this version is the customer's to import, or not.
        pass


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), sys.argv[2].rstrip("/"), int(sys.argv[3]), int(sys.argv[4]))
