"""Makes a forked interpreter as good as a new one: nothing that two environments could share."""

from __future__ import annotations

import os
import site
import sys
import time
from types import ModuleType
from typing import Any

_SEED_BYTES = 48
_INHERITED_OUTPUT = (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace"))


def renew(main: ModuleType) -> None:
    """Streams, random numbers, time zone and what `__main__` is."""
    _open_streams()
    _reseed()
    _add_builtins()
    time.tzset()
    sys.argv[:] = [str(main.__file__)]
    sys.modules["__main__"] = main
    boto3: Any = sys.modules.get("boto3")
    if boto3 is not None:
        boto3.DEFAULT_SESSION = None


def _open_streams() -> None:
    """Output goes out line by line, in UTF-8, whatever the locale of the interpreter was."""
    for name, descriptor, on_error in _INHERITED_OUTPUT:
        stream = open(  # noqa: SIM115 (open for good)
            descriptor, "w", buffering=1, encoding="utf-8", errors=on_error, closefd=False
        )
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdin = sys.__stdin__ = stdin  # type: ignore[misc]


def _reseed() -> None:
    for name in ("random", "numpy.random"):
        if name in sys.modules:
            sys.modules[name].seed()
    ssl: Any = sys.modules.get("ssl")
    if ssl is not None:
        # OpenSSL notices a fork by a new process id. Here there is none: every environment is
        # process 1 of its own namespace, as its zygote is.
        ssl.RAND_add(os.urandom(_SEED_BYTES), _SEED_BYTES)
    uuid: Any = sys.modules.get("uuid")
    if uuid is not None:
        uuid._last_timestamp = None
    processes: Any = sys.modules.get("multiprocessing.process")
    if processes is not None:
        processes.current_process().authkey = os.urandom(32)


def _add_builtins() -> None:
    """`exit`, `quit` and `help`, which an interpreter started with -S does not have."""
    site.setquit()
    site.sethelper()
