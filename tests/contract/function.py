"""The function of the contract's tests: does what its event says, and answers any other with the
event."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

LOADED = time.monotonic()
held: list[Any] = []


def handler(event: Any, context: Any) -> Any:
    print("got", event)
    if isinstance(event, dict) and "do" in event:
        return globals()[event["do"]](**event.get("with", {}))
    return event


def write(name: str, text: str) -> None:
    Path(tempfile.gettempdir(), name).write_text(text)


def read(path: str) -> str | None:
    file = Path(tempfile.gettempdir(), path)
    return file.read_text() if file.exists() else None


def listing(path: str) -> list[str]:
    return sorted(os.listdir(path))


def try_to_write(path: str) -> str:
    try:
        Path(path).write_text("x")
    except OSError as error:
        return type(error).__name__
    return "written"


def try_to_allocate(mb: int) -> str:
    try:
        allocate(mb)
    except MemoryError as error:
        return type(error).__name__
    return "allocated"


def tick() -> None:
    """Print from a thread, and from a process, again and again."""
    threading.Thread(target=_tick, daemon=True).start()


def tick_below() -> None:
    held.append(subprocess.Popen([sys.executable, "-c", "while True: print('tick', flush=True)"]))


def start_process() -> None:
    held.append(subprocess.Popen(["sleep", "600"]))


def _tick() -> None:
    while True:
        print("tick", flush=True)
        time.sleep(0.001)


def describe() -> dict[str, Any]:
    return {
        "uid": os.getuid(),
        "loaded": LOADED,
        "optimize": sys.flags.optimize,
        "processes": [name for name in os.listdir("/proc") if name.isdigit()],
        "environ": dict(os.environ),
    }


def allocate(mb: int) -> None:
    held.append(b"x" * (mb << 20))


def allocate_below(mb: int) -> int:
    """In a process of its own, which the kernel likes to kill; returns how that ended."""
    program = f"open('/proc/self/oom_score_adj', 'w').write('1000'); b'x' * ({mb} << 20)"
    return subprocess.run([sys.executable, "-c", program]).returncode


def fill(mb: int) -> None:
    with open(Path(tempfile.gettempdir(), "filling"), "wb") as file:
        for _ in range(mb):
            file.write(b"x" * (1 << 20))


def leave(status: int) -> None:
    os._exit(status)
