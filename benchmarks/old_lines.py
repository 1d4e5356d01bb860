"""Lines of the last 24 hours as a server would have written them: twice a second what came in
since, and into the archive what filled a segment. Only the time does not pass."""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lambdad.clock import FakeClock
from lambdad.model.log_line import LogLine
from lambdad.observe import segments
from lambdad.observe.log_store import LogStore

_PLACE = ("000000000000", "us-east-1")
_SECONDS = 86_400
_FLUSHES = 2 * _SECONDS
_NEEDLES = 100


@dataclass(frozen=True, slots=True)
class Needle:
    """A line that is searched for: the identifier that it alone has."""

    group: str
    identifier: str
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class OldLines:
    """What was written."""

    needles: list[Needle]


def write_old_lines(directory: Path, count: int, groups: int) -> OldLines:
    """Write `count` lines of so many groups, evenly over 24 hours that end now."""
    chance = random.Random(1)
    clock = FakeClock(time.time() - _SECONDS)
    store = LogStore.open(directory, flush_every=_SECONDS, clock=clock)
    force, segments.force_to_disk = segments.force_to_disk, lambda descriptor: None
    needles = []
    try:
        for flush in range(_FLUSHES):
            began_ms = int(clock.now() * 1000)
            clock.advance(_SECONDS / _FLUSHES)
            number = count * (flush + 1) // _FLUSHES - count * flush // _FLUSHES
            lines: list[list[LogLine]] = [[] for _ in range(groups)]
            for each in range(number):
                identifier = f"{chance.getrandbits(128):032x}"
                which = chance.randrange(groups)
                at_ms = began_ms + each * 500 // number
                lines[which].append(_line(chance, at_ms, identifier))
                if (
                    each == 0
                    and flush >= _FLUSHES // 4
                    and flush % (_FLUSHES // 2 // _NEEDLES) == 0
                ):
                    needles.append(Needle(_group(which), identifier, at_ms))
            for which, printed in enumerate(lines):
                stream = (
                    f"{datetime.fromtimestamp(clock.now(), UTC):%Y/%m/%d}/[$LATEST]{which:032x}"
                )
                store.append(*_PLACE, _group(which), stream, printed)
            store.flush()
            if flush % segments.MAX_FRAMES == 0:
                store.pack()
    finally:
        segments.force_to_disk = force
        store.close()
    give_to_the_server(directory)
    chance.shuffle(needles)
    return OldLines(needles)


def give_to_the_server(directory: Path) -> None:
    """What is in it: the server's node may not be root."""
    owner = directory.stat()
    for path in directory.iterdir():
        os.chown(path, owner.st_uid, owner.st_gid)


def _group(number: int) -> str:
    return f"/aws/lambda/shop-{number}"


def _line(chance: random.Random, at_ms: int, identifier: str) -> LogLine:
    moment = datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return LogLine(
        at_ms,
        f"{moment} INFO request {identifier} took {chance.randrange(1000)} ms, "
        f"order {chance.randrange(100_000)} was taken, paid for and sent",
    )
