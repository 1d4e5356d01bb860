"""The zip of a deployment package, written so that its bytes depend on nothing but its files.

Every entry has one date and one of two modes, and the entries are sorted: the same files make the
same CodeSha256. zipfile would write the same bytes, but it compresses every file every time; this
one takes what it has compressed before, which for a package with dependencies is most of it.
"""

from __future__ import annotations

import hashlib
import stat
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lambdad.cli.failure import CommandError, ExitCode

_VERSION = 20  # of the format: deflate
_UNIX = 3 << 8  # whatever the system that it is made on
_UTF_8 = 0x800
_DEFLATE = 8
_TIME, _DATE = 0, 1 << 5 | 1  # 1980-01-01, the oldest that a zip can hold
_MAX_ENTRIES = 0xFFFF  # what the format holds without its extension for large ones
_MAX_SIZE = 1 << 31

# Signature, then what both kinds of header have in common, as PKWARE's APPNOTE orders it.
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_CENTRAL_HEADER = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")


@dataclass(frozen=True, slots=True)
class _Deflated:
    """The content of a file, compressed."""

    crc: int
    size: int
    content: bytes


class Packer:
    """Makes zips, and remembers what it compressed for the last of them, by its hash."""

    def __init__(self) -> None:
        self._deflated: dict[bytes, _Deflated] = {}

    def pack(
        self, files: Mapping[str, Path], on_share: Callable[[float], None] = lambda share: None
    ) -> bytes:
        """The zip of `files`, which are named as in the zip; `on_share` hears how much of it is
        done."""
        known, self._deflated = self._deflated, {}
        entries: list[bytes] = []
        directory: list[bytes] = []
        offset = 0
        for number, name in enumerate(sorted(files)):
            on_share(number / len(files))
            deflated = self._deflate(files[name].read_bytes(), known)
            if len(directory) == _MAX_ENTRIES or offset + deflated.size > _MAX_SIZE:
                raise _too_large()
            local, central = _headers(name, _mode(files[name]), deflated, offset)
            entries += [local, deflated.content]
            directory.append(central)
            offset += len(local) + len(deflated.content)
        return b"".join([*entries, *directory, _end(directory, offset)])

    def _deflate(self, content: bytes, known: Mapping[bytes, _Deflated]) -> _Deflated:
        digest = hashlib.sha256(content).digest()
        if digest not in self._deflated:
            self._deflated[digest] = known.get(digest) or _deflate(content)
        return self._deflated[digest]


def _deflate(content: bytes) -> _Deflated:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)  # negative: no header of zlib's own
    compressed = compressor.compress(content) + compressor.flush()
    return _Deflated(zlib.crc32(content), len(content), compressed)


def _headers(name: str, mode: int, deflated: _Deflated, offset: int) -> tuple[bytes, bytes]:
    """What stands before the content of an entry, and what stands in the directory."""
    encoded = name.encode()
    shared = (
        *(_VERSION, 0 if name.isascii() else _UTF_8, _DEFLATE, _TIME, _DATE),
        *(deflated.crc, len(deflated.content), deflated.size, len(encoded), 0),
    )
    attributes = (stat.S_IFREG | mode) << 16
    local = _LOCAL_HEADER.pack(b"PK\3\4", *shared)
    central = _CENTRAL_HEADER.pack(
        b"PK\1\2", _UNIX | _VERSION, *shared, 0, 0, 0, attributes, offset
    )
    return local + encoded, central + encoded


def _end(directory: list[bytes], offset: int) -> bytes:
    count, size = len(directory), sum(map(len, directory))
    return _END.pack(b"PK\5\6", 0, 0, count, count, size, offset, 0)


def _mode(path: Path) -> int:
    return 0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644


def _too_large() -> CommandError:
    return CommandError(
        "The package has more files, or more bytes, than Lambda takes.",
        ExitCode.USAGE,
        name="InvalidPackage",
    )
