"""lambdad with a mistake put in, to see whether the checker finds it."""

from __future__ import annotations

import shutil
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src/lambdad"

# Appended to store/event_queue.py, where it takes the place of what is above.
NO_FENCE_CHECK = """

def _still_good(connection, claims):
    return [True] * len(claims)
"""
ACKNOWLEDGED_BEFORE_COMMIT = """

import asyncio

_begin_in_truth = EventQueue.begin_accept

async def _accept_in_time(queue, event, is_claimed):
    await asyncio.sleep(0.5)
    await _begin_in_truth(queue, event, is_claimed=is_claimed)[1]

def _begin_hastily(self, event, *, is_claimed=False, also=None):
    asyncio.ensure_future(_accept_in_time(self, event, is_claimed))
    written = asyncio.get_running_loop().create_future()
    written.set_result(None)
    return Claim(event, int(is_claimed), self._clock.now() + self._lease), written

EventQueue.begin_accept = _begin_hastily
"""


def broken_build(directory: Path, mistake: str) -> dict[str, str]:
    """Copy the package into a directory, put a mistake in, and return the variables of a process
    that is to run this copy."""
    build = directory / "build"
    build.mkdir(mode=0o755)  # the node, which is not root, has to see what is in it
    shutil.copytree(SOURCE, build / "lambdad", ignore=shutil.ignore_patterns("__pycache__"))
    with (build / "lambdad/store/event_queue.py").open("a") as file:
        file.write(mistake)
    return {"PYTHONPATH": str(build)}
