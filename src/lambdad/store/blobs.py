"""Content-addressed files: `<directory>/ab/abcdef…`, named by the SHA-256 of what they hold.

A file is written under another name, forced to disk, renamed, and its directory forced to disk. So
a file under its final name is always whole, and a put that returned is never lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Self

from lambdad.store.disk import force_directory_to_disk

_DIGEST = re.compile(r"[0-9a-f]{64}")
_INCOMING = "incoming"  # beneath the directory, hence on the same file system


class Blobs:
    """Immutable contents by digest."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()  # a put and a deletion of one digest take turns

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Make the directory if need be, and remove what a killed server left half written."""
        incoming = directory / _INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        for leftover in incoming.iterdir():
            leftover.unlink()
        force_directory_to_disk(directory.parent)
        return cls(directory)

    def path(self, digest: str) -> Path:
        """Where the content of that digest is, or would be."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a SHA-256 in lower-case hexadecimal.")
        return self._directory / digest[:2] / digest

    async def put(self, content: bytes) -> str:
        """Keep `content` and return its digest; free when it is there already."""
        return await asyncio.to_thread(self._put, content)

    async def receive(
        self, chunks: AsyncIterator[bytes], check: Callable[[Path], None]
    ) -> tuple[str, int]:
        """Keep what arrives in `chunks`, and return its digest and its size.

        `check` is called in a thread with the whole file, before it is kept; what it raises means
        that it is not.
        """
        file, temporary = await asyncio.to_thread(self._begin)
        digest, size = hashlib.sha256(), 0
        try:
            async for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(_end, file)
            await asyncio.to_thread(check, temporary)
            await asyncio.to_thread(self._keep, temporary, digest.hexdigest())
        finally:
            file.close()
            temporary.unlink(missing_ok=True)
        return digest.hexdigest(), size

    async def read(self, digest: str) -> bytes:
        """The content of that digest; raises FileNotFoundError if there is none."""
        return await asyncio.to_thread(self.path(digest).read_bytes)

    async def digests(self) -> list[str]:
        """Those of all contents."""
        return await asyncio.to_thread(self._digests)

    async def delete(self, digest: str, *, unless_put_within: float = 0.0) -> None:
        """Remove the content, if there is any. The caller knows that nothing refers to it; what
        was put within the last so many seconds, again or for the first time, can be spared."""
        await asyncio.to_thread(self._delete, digest, unless_put_within)

    def _digests(self) -> list[str]:
        paths = (path for path in self._directory.glob("??/*"))
        return [path.name for path in paths if _DIGEST.fullmatch(path.name)]

    def _delete(self, digest: str, unless_put_within: float) -> None:
        path = self.path(digest)
        with self._lock:
            try:
                age = time.time() - path.stat().st_mtime
            except FileNotFoundError:
                return
            if not unless_put_within or age >= unless_put_within:
                path.unlink()

    def _is_there(self, digest: str) -> bool:
        """Whether it is; if so, it is as new as if it had been written now."""
        with self._lock:
            try:
                os.utime(self.path(digest))
            except FileNotFoundError:
                return False
            return True

    def _put(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        if self._is_there(digest):
            self._force_names_to_disk(digest)
            return digest
        file, temporary = self._begin()
        try:
            file.write(content)
            _end(file)
            self._keep(temporary, digest)
        finally:
            file.close()
            temporary.unlink(missing_ok=True)
        return digest

    def _begin(self) -> tuple[BinaryIO, Path]:
        descriptor, temporary = tempfile.mkstemp(dir=self._directory / _INCOMING)
        return open(descriptor, "wb"), Path(temporary)

    def _keep(self, temporary: Path, digest: str) -> None:
        """Give a file that is whole and on disk its name, unless another has it already."""
        path = self.path(digest)
        path.parent.mkdir(exist_ok=True)
        if not self._is_there(digest):
            os.replace(temporary, path)
        self._force_names_to_disk(digest)

    def _force_names_to_disk(self, digest: str) -> None:
        # Also when it was there: the put that wrote it may not have come this far yet.
        force_directory_to_disk(self.path(digest).parent)
        force_directory_to_disk(self._directory)


def _end(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
    file.close()
