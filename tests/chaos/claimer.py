"""A process that claims events of a database, works on them and settles them, as one of several.

python claimer.py DATABASE LEASE     (seconds)

It does what the lines of its standard input say (accept COUNT, work SECONDS), and tells of all that
it does in lines of its standard output.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from lambdad.clock import SteadyClock
from lambdad.model.event import Claim, Event
from lambdad.model.fate import Completed
from lambdad.store.database import Database
from lambdad.store.event_queue import EventQueue, Settlement

FUNCTION = ("000000000000", "us-east-1", "contended")
AT_ONCE = 10
IDLE = 0.02  # seconds between two looks at a queue that has nothing


def tell(*words: object) -> None:
    """One line, written at once."""
    print(*words, flush=True)


async def accept(queue: EventQueue, clock: SteadyClock, count: int) -> None:
    """Events for all."""
    for number in range(count):
        event = Event(queue.make_id(), f"r{number}", *FUNCTION, None, b"{}", clock.now())
        await queue.accept(event)


async def work(queue: EventQueue, clock: SteadyClock, seconds: float) -> None:
    """Claim, work, settle, until nothing is left for anybody."""
    while await queue.due_functions():
        claims = (await queue.claim({FUNCTION: AT_ONCE}))[FUNCTION].claims
        for claim in claims:
            tell("claimed", claim.event.id, claim.fence, repr(time.monotonic()))
        await asyncio.sleep(seconds if claims else IDLE)
        await asyncio.gather(*(settle(queue, clock, claim) for claim in claims))


async def settle(queue: EventQueue, clock: SteadyClock, claim: Claim) -> None:
    """Say that a claim's event is completed, and tell what came of it."""
    began = time.monotonic()
    is_accepted = await queue.settle(Settlement(claim, Completed(), clock.now()))
    ended = repr(time.monotonic())
    tell("settled", claim.event.id, claim.fence, repr(began), ended, is_accepted)


async def main() -> None:
    """Be one claimer."""
    database = Database.open(Path(sys.argv[1]))
    clock = SteadyClock()
    queue = await EventQueue.open(database, clock, lease=float(sys.argv[2]))
    tell("open")
    for line in sys.stdin:
        word, _, argument = line.strip().partition(" ")
        if word == "accept":
            await accept(queue, clock, int(argument))
        else:
            await work(queue, clock, float(argument))
        tell("done")
    database.close()


if __name__ == "__main__":
    asyncio.run(main())
