"""Blobs: content-addressed, whole or not there at all."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from pathlib import Path

import pytest

from lambdad.store.blobs import Blobs


async def test_put_content_is_read_back_under_its_digest(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path / "blobs")
    digest = await blobs.put(b"content")

    assert digest == hashlib.sha256(b"content").hexdigest()
    assert await blobs.read(digest) == b"content"
    assert blobs.path(digest) == tmp_path / "blobs" / digest[:2] / digest
    assert stat.S_IMODE(blobs.path(digest).stat().st_mode) == 0o600


async def test_second_put_of_the_same_content_writes_nothing(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path)
    digest = await blobs.put(b"content")
    before = blobs.path(digest).stat()

    assert await blobs.put(b"content") == digest
    assert blobs.path(digest).stat().st_ino == before.st_ino


async def test_concurrent_puts_of_the_same_content_agree(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path)
    digests = await asyncio.gather(*(blobs.put(b"x" * 100_000) for _ in range(8)))

    assert len(set(digests)) == 1
    assert await blobs.read(digests[0]) == b"x" * 100_000
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_leftovers_of_a_killed_server_are_removed_at_open(tmp_path: Path) -> None:
    Blobs.open(tmp_path)
    (tmp_path / "incoming" / "tmpabc").write_bytes(b"half of")
    Blobs.open(tmp_path)

    assert list((tmp_path / "incoming").iterdir()) == []


async def test_deleted_content_is_gone_and_deleting_twice_is_no_error(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path)
    digest = await blobs.put(b"content")
    await blobs.delete(digest)
    await blobs.delete(digest)

    with pytest.raises(FileNotFoundError):
        await blobs.read(digest)


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
async def test_what_is_no_digest_is_refused(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256"):
        await Blobs.open(tmp_path).read(digest)
