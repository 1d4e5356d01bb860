"""The token index of a piece of the log: whether a term can be in it at all.

Of each run of letters and digits, every whole group of eight is noted in a filter of bits. A term
that is in the text has such runs as well, but where its groups begin is not known, as the run may
have begun before the term: any of eight places will do. So a term needs a run of fifteen, or one
of eight behind something else, for the index to say anything; random identifiers have that.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable

GROUP = 8

_BITS_PER_GROUP = 4  # a group that is not there is taken for one that is in 22 of 100 cases
_SLICE = 1 << 16  # the text is looked at in pieces, so that other threads have their turn
_GROUPS = re.compile(rb"[0-9A-Za-z]{%d}" % GROUP)
_RUNS = re.compile(rb"[0-9A-Za-z]{%d,}" % GROUP)
_SET = ord("1")
_CRC = struct.Struct("<I")


def make_index(text: bytes, separator: bytes) -> bytes:
    """The index of a text of messages, each with the separator behind it."""
    groups: set[bytes] = set()
    begin = 0
    while begin < len(text):
        end = text.find(separator, begin + _SLICE) + 1 or len(text)
        groups.update(_GROUPS.findall(text, begin, end))
        begin = end
    size = 8 * (len(groups) * _BITS_PER_GROUP // 8 + 1)
    flags = bytearray(b"0") * size
    for each in _bits(groups, size):
        flags[each] = _SET
    bits = int(flags, 2).to_bytes(size // 8, "big")
    return _CRC.pack(zlib.crc32(bits)) + bits


def may_contain(index: bytes, terms: Iterable[bytes]) -> bool:
    """False when one of the terms cannot be in the text of which this is the index; of a damaged
    index, everything may."""
    (crc,) = _CRC.unpack_from(index)
    index = index[_CRC.size :]
    return crc != zlib.crc32(index) or all(_may_have(index, term) for term in terms)


def _may_have(index: bytes, term: bytes) -> bool:
    return all(_may_have_run(index, run[0], run.start()) for run in _RUNS.finditer(term))


def _may_have_run(index: bytes, run: bytes, start: int) -> bool:
    beginnings = GROUP if start == 0 else 1  # behind something else it begins where it begins
    for beginning in range(beginnings):
        places = range(beginning, len(run) - GROUP + 1, GROUP)
        if all(_has(index, run[place : place + GROUP]) for place in places):
            return True
    return False


def _has(index: bytes, group: bytes) -> bool:
    (bit,) = _bits([group], len(index) * 8)
    return bool(index[bit // 8] & (0x80 >> bit % 8))


def _bits(groups: Iterable[bytes], size: int) -> list[int]:
    return [zlib.crc32(group) % size for group in groups]
