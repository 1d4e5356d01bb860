"""The X-Ray trace header, which follows one request through everything that it sets off.

    Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:1

Root is the whole request, Parent the latest step of it, Sampled whether its traces are recorded.
Lineage is how often it has invoked which functions (see recursion.py). Clients and functions
send it, so whatever they write, only what has exactly the form above is read and passed on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_READ = 1024  # characters of a header from outside; what is written has less than half
MOST_PARTS = 16  # of it, whoever has put them there
MOST_FUNCTIONS = 32  # of a lineage
HIGHEST_COUNT = 999
ROOT_BYTES = 12  # of chance in a root

_ROOT = re.compile(r"1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}")
_PARENT = re.compile(r"[0-9a-fA-F]{16}")
_COUNTED = re.compile(r"([0-9a-f]{8}):([0-9]{1,3})")
_DECISIONS = {"0": False, "1": True}  # `?` leaves it to who comes next


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """One header. `sampled` is None when nobody has decided yet; `lineage` has pairs of a
    function's hash and its count, the latest first."""

    root: str
    parent: str = ""
    sampled: bool | None = None
    lineage: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        text = f"Root={self.root}"
        if self.parent:
            text += f";Parent={self.parent}"
        if self.sampled is not None:
            text += f";Sampled={self.sampled:d}"
        if self.lineage:
            text += ";Lineage=" + "|".join([f"{hash}:{count}" for hash, count in self.lineage])
        return text


def parse_trace_header(text: str) -> TraceHeader | None:
    """Read a header; None for one without a root. Whatever else is malformed counts as absent."""
    if not text or len(text) > LONGEST_READ:
        return None
    values: dict[str, str] = {}
    for part in text.split(";", MOST_PARTS)[:MOST_PARTS]:
        name, _, value = part.strip().partition("=")
        values.setdefault(name.lower(), value)
    root, parent = values.get("root", ""), values.get("parent", "")
    if not _ROOT.fullmatch(root):
        return None
    return TraceHeader(
        root,
        parent if _PARENT.fullmatch(parent) else "",
        _DECISIONS.get(values.get("sampled", "")),
        _parse_lineage(values["lineage"]) if "lineage" in values else (),
    )


def begin_trace(now: float, random: bytes, *, is_sampled: bool = False) -> str:
    """The header of a request that came without one; `random` are 20 bytes, or 12 for one without
    a parent. It is the text at once, because most invocations need no more of it."""
    text = random.hex()
    parent = f";Parent={text[24:]}" if len(random) > ROOT_BYTES else ""
    return f"Root=1-{int(now):08x}-{text[:24]}{parent};Sampled={'01'[is_sampled]}"


def sampled_trace(text: str) -> TraceHeader | None:
    """The header of a request whose traces are recorded; None of any other."""
    return parse_trace_header(text) if "Sampled=1" in text else None


def next_hop(header: TraceHeader, random: bytes, *, is_sampled: bool) -> TraceHeader:
    """The header with which the request goes on; `random` are 8 bytes."""
    return TraceHeader(header.root, random.hex(), is_sampled, header.lineage)


def _parse_lineage(text: str) -> tuple[tuple[str, int], ...]:
    bars = text.replace("%7C", "|")  # some SDKs quote them
    counted = map(_COUNTED.fullmatch, bars.split("|")[:MOST_FUNCTIONS])
    return tuple([(match[1], int(match[2])) for match in counted if match])
