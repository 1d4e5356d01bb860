"""A deployment package: what a zip must look like before any of it touches a disk.

A package is hostile until it has been read to its end. The directory of a zip may lie about
sizes, names may climb out of the package, links may lead out of it. `read_package` looks at
names and links only; `validate_zip` also inflates every byte, counting as it goes. The mode
bits that survive are one: executable or not.
"""

from __future__ import annotations

import io
import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from lambdad.errors import ClientError
from lambdad.model.limits import CODE_UNZIPPED

CANNOT_UNZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
TOO_LARGE = f"Unzipped size must be smaller than {CODE_UNZIPPED} bytes"
EMPTY = "Uploaded file must be a non-empty zip"

MAX_ENTRIES = 100_000
MAX_PATH = 1_024
MAX_COMPONENT = 255
MAX_LINK_STEPS = 256
MAX_LINKS = 5_000
CHUNK = 1 << 20

_ENTRY_SIGNATURE = b"PK\x01\x02"
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
# What reading a broken zip raises, all over the standard library's reader. OSError is not among
# them: a full disk while unpacking is not the package's fault.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)


class Kind(Enum):
    """What an entry of a package may be."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a package. `target` is where a link leads."""

    path: str
    kind: Kind
    source: zipfile.ZipInfo
    is_executable: bool = False
    target: str = ""


def validate_zip(package: bytes | Path) -> None:
    """Raise AWS's error unless `package`, or what is in that file, can be unpacked safely.

    Slow for a large package: it inflates all of it. Call it in a thread.
    """
    with io.BytesIO(package) if isinstance(package, bytes) else package.open("rb") as file:
        _refuse_crowds(file)
        _inflate(file)


def _refuse_crowds(file: BinaryIO) -> None:
    """Nothing at all, or more entries than the standard library's reader should be given."""
    entries, chunk, size = 0, b"", 0
    while more := file.read(CHUNK):
        size += len(more)
        chunk = chunk[-len(_ENTRY_SIGNATURE) + 1 :] + more
        entries += chunk.count(_ENTRY_SIGNATURE)
    if not size:
        raise _refusal(EMPTY)
    if entries > MAX_ENTRIES:
        raise _refusal(f"{CANNOT_UNZIP} It has more than {MAX_ENTRIES} entries.")


def _inflate(file: BinaryIO) -> None:
    with open_zip(file) as archive:
        unzipped = 0
        for entry in read_package(archive):
            for chunk in read_file(archive, entry):
                unzipped += len(chunk)
                if unzipped >= CODE_UNZIPPED:
                    raise _refusal(TOO_LARGE)


@contextmanager
def open_zip(file: BinaryIO | Path) -> Iterator[zipfile.ZipFile]:
    """Open a package; whatever is broken in it comes out as AWS's error."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except _BROKEN as error:
        raise _refusal(CANNOT_UNZIP) from error


def read_package(archive: zipfile.ZipFile) -> list[Entry]:
    """The entries to unpack, parents' rules checked; of two with one name the later one counts."""
    entries = {entry.path: entry for entry in _entries(archive) if entry.path}
    if not entries:
        raise _refusal(EMPTY)
    _refuse_conflicts(entries)
    refuse_escapes(entries)
    return list(entries.values())


def read_file(archive: zipfile.ZipFile, entry: Entry) -> Iterator[bytes]:
    """The bytes of a file in chunks; nothing for directories and links."""
    if entry.kind is Kind.FILE:
        with archive.open(entry.source) as file:
            while chunk := file.read(CHUNK):
                yield chunk


def unzipped_size(package: Path) -> int:
    """The bytes of all files of a package that has been validated."""
    with open_zip(package) as archive:
        return sum(source.file_size for source in archive.infolist())


def _entries(archive: zipfile.ZipFile) -> Iterator[Entry]:
    sources = archive.infolist()
    if sum(source.file_size for source in sources) >= CODE_UNZIPPED:
        raise _refusal(TOO_LARGE)
    if len({source.header_offset for source in sources}) < len(sources):
        raise _refusal(f"{CANNOT_UNZIP} Two entries are the same bytes.")
    if sum(stat.S_ISLNK(source.external_attr >> 16) for source in sources) > MAX_LINKS:
        raise _refusal(f"{CANNOT_UNZIP} It has more than {MAX_LINKS} links.")
    for source in sources:
        if source.flag_bits & _ENCRYPTED:
            raise _refusal(f"{CANNOT_UNZIP} An entry is encrypted.")
        if source.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _refusal(f"{CANNOT_UNZIP} An entry has an unknown compression.")
        yield _entry(archive, source)


def _entry(archive: zipfile.ZipFile, source: zipfile.ZipInfo) -> Entry:
    name = _name(source)
    path = _checked_path(name)
    mode = source.external_attr >> 16
    kind = _kind(name, mode)
    if kind is not Kind.LINK:
        return Entry(path, kind, source, is_executable=bool(mode & 0o111))
    if source.file_size > MAX_PATH:
        raise _refusal(f"{CANNOT_UNZIP} A link is too long: {path!r}.")
    with archive.open(source) as file:  # which inflates no more than it is asked for
        target = file.read(MAX_PATH).decode("utf-8", "surrogateescape")
    if not target or "\0" in target:
        raise _refusal(f"{CANNOT_UNZIP} A link leads nowhere: {path!r}.")
    return Entry(path, kind, source, target=target)


def _name(source: zipfile.ZipInfo) -> str:
    """The entry's name. Many tools (macOS's among them) write UTF-8 without saying so."""
    if source.flag_bits & _UTF8_NAME:
        return source.filename
    try:
        return source.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return source.filename


def _checked_path(name: str) -> str:
    """`name` as a clean relative path; empty for the package's own root."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    path = "/".join(parts)
    try:
        too_long = len(path.encode()) > MAX_PATH or any(
            len(part.encode()) > MAX_COMPONENT for part in parts
        )
    except UnicodeEncodeError:
        raise _refusal(f"{CANNOT_UNZIP} A name is not valid Unicode.") from None
    if name.startswith("/") or ".." in parts or too_long:
        raise _refusal(f"{CANNOT_UNZIP} A name leaves the package or is too long: {name[:80]!r}.")
    return path


def _kind(name: str, mode: int) -> Kind:
    match stat.S_IFMT(mode):
        case 0 | stat.S_IFREG:
            return Kind.DIRECTORY if name.endswith("/") else Kind.FILE
        case stat.S_IFDIR:
            return Kind.DIRECTORY
        case stat.S_IFLNK:
            return Kind.LINK
    raise _refusal(f"{CANNOT_UNZIP} It is neither file, directory nor link: {name[:80]!r}.")


def _refuse_conflicts(entries: Mapping[str, Entry]) -> None:
    """Nothing may lie beneath a file or a link."""
    seen: set[str] = set()
    for path in entries:
        parent = posixpath.dirname(path)
        while parent and parent not in seen:
            seen.add(parent)
            if len(seen) > MAX_ENTRIES:
                raise _refusal(f"{CANNOT_UNZIP} It has more than {MAX_ENTRIES} directories.")
            entry = entries.get(parent)
            if entry is not None and entry.kind is not Kind.DIRECTORY:
                raise _refusal(f"{CANNOT_UNZIP} It is no directory: {parent[:80]!r}.")
            parent = posixpath.dirname(parent)


def refuse_escapes(entries: Mapping[str, Entry]) -> None:
    """Raise AWS's error if a link among these entries, by path, leads out of where they lie."""
    targets = {path: entry.target for path, entry in entries.items() if entry.target}
    for path in targets:
        if _escapes(path, targets):
            raise _refusal(f"{CANNOT_UNZIP} A link leaves the package: {path[:80]!r}.")


def _escapes(path: str, targets: Mapping[str, str]) -> bool:
    """Follow a link as the kernel does; endless and very long ways count as escapes."""
    ahead = path.split("/")[::-1]
    here: list[str] = []
    for _ in range(MAX_LINK_STEPS):
        if not ahead:
            return False
        part = ahead.pop()
        if part == ".." and not here:
            return True
        if part == "..":
            here.pop()
        elif part not in ("", "."):
            target = targets.get("/".join([*here, part]))
            if target is None:
                here.append(part)
            elif target.startswith("/"):
                return True
            else:
                ahead.extend(target.split("/")[::-1])
    return True


def _refusal(message: str) -> ClientError:
    return ClientError("InvalidParameterValueException", message)
