from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from stage import INTERPRETER, Stage, make_version

from lambdad.clock import FakeClock
from lambdad.environment.environment import Place
from lambdad.model.function import FunctionVersion


@pytest.fixture
def version() -> FunctionVersion:
    return make_version()


@pytest.fixture
async def clock() -> AsyncIterator[FakeClock]:
    """A clock by which the test's loop goes too: timers are due when the test says so."""
    loop, clock = asyncio.get_running_loop(), FakeClock()
    began = loop.time()
    loop.time = lambda: began + clock.monotonic()  # type: ignore[method-assign]
    yield clock
    del loop.time  # type: ignore[method-assign]


@pytest.fixture
async def stage(clock: FakeClock) -> AsyncIterator[Stage]:
    """An environment's surroundings, played by the test. No time passes by itself."""
    stage = Stage(Place("c0de", INTERPRETER, "1ayers"), clock)
    yield stage
    await stage.close()


@pytest.fixture
def tmp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A /tmp of its own, of which every byte is known."""
    path = tmp_path_factory.mktemp("tmp")
    command = ("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", path)
    subprocess.run(command, check=True)
    yield path
    subprocess.run(("umount", "-l", path), check=True)


@pytest.fixture
def open_descriptors() -> Callable[[], set[str]]:
    """What this process has open, but for the loop's own."""

    def open_descriptors() -> set[str]:
        found = set()
        for name in os.listdir("/proc/self/fd"):
            try:
                found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
            except OSError:
                continue
        return found

    return open_descriptors
