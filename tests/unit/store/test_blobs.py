"""Blobs: content-addressed, whole or not there at all."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncIterator
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


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_what_arrives_in_parts_is_kept_whole(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path)
    seen: list[bytes] = []
    digest, size = await blobs.receive(
        chunks(b"con", b"tent"), lambda path: seen.append(path.read_bytes())
    )
    assert seen == [b"content"]
    assert (digest, size) == (hashlib.sha256(b"content").hexdigest(), 7)
    assert await blobs.read(digest) == b"content"
    assert await blobs.put(b"content") == digest
    assert await blobs.receive(chunks(b"content"), lambda path: None) == (digest, size)
    assert await blobs.digests() == [digest]
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_what_does_not_pass_or_breaks_off_is_not_kept(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError

    def refuse(path: Path) -> None:
        raise ValueError

    blobs = Blobs.open(tmp_path)
    with pytest.raises(ConnectionError):
        await blobs.receive(broken(), lambda path: None)
    with pytest.raises(ValueError):  # noqa: PT011
        await blobs.receive(chunks(b"content"), refuse)
    assert await blobs.digests() == []
    assert list((tmp_path / "incoming").iterdir()) == []


async def test_what_was_put_lately_is_spared(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path)
    digest = await blobs.put(b"content")
    os.utime(blobs.path(digest), (0, 0))
    assert await blobs.put(b"content") == digest  # which makes it new again
    await blobs.delete(digest, unless_put_within=60)
    assert await blobs.read(digest) == b"content"
    os.utime(blobs.path(digest), (0, 0))
    await blobs.delete(digest, unless_put_within=60)
    assert await blobs.digests() == []


async def test_a_put_beside_a_deletion_is_never_lost(tmp_path: Path) -> None:
    blobs = Blobs.open(tmp_path)
    digest = hashlib.sha256(b"content").hexdigest()
    for _ in range(20):
        await blobs.put(b"content")
        os.utime(blobs.path(digest), (0, 0))
        await asyncio.gather(
            *(blobs.delete(digest, unless_put_within=60) for _ in range(3)),
            blobs.put(b"content"),
            *(blobs.delete(digest, unless_put_within=60) for _ in range(3)),
        )
        assert await blobs.read(digest) == b"content"
