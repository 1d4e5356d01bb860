"""The seconds of a server, as all its connections see them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Pulse:
    """What changes once a second: a clock for idle connections, and the Date header."""

    seconds: int = 0
    date_line: str = ""
