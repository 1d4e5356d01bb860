"""A deployment package depends on nothing but its files."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lambdad.cli import packer
from lambdad.cli.failure import CommandError
from lambdad.cli.packer import Packer

CONTENT = {
    "app.py": b"def handler(event, context): ...\n" * 20,
    "empty": b"",
    "größe/ж.txt": "größe".encode(),
    "lib/noise": bytes(range(256)),
}


def make_files(root: Path) -> dict[str, Path]:
    for name, content in CONTENT.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return {name: root / name for name in CONTENT}


def zip_of_the_standard_library(files: Mapping[str, Path]) -> bytes:
    """What zipfile makes of `files`, with our date and modes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, files[name].read_bytes())
    return content.getvalue()


@pytest.fixture
def compressed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The contents that are compressed."""
    contents: list[bytes] = []
    deflate = packer._deflate

    def listed(content: bytes) -> Any:
        contents.append(content)
        return deflate(content)

    monkeypatch.setattr(packer, "_deflate", listed)
    return contents


def test_same_files_make_the_same_bytes_whatever_their_dates(tmp_path: Path) -> None:
    # Given the same files, written at different times
    first, second = make_files(tmp_path / "first"), make_files(tmp_path / "second")
    os.utime(second["app.py"], (1, 1))
    # Then the packages are equal to the byte
    assert Packer().pack(first) == Packer().pack(second)


def test_the_bytes_are_those_of_the_standard_library(tmp_path: Path) -> None:
    files = make_files(tmp_path)
    assert Packer().pack(files) == zip_of_the_standard_library(files)


def test_any_reader_reads_what_was_packed(tmp_path: Path) -> None:
    # When files are packed
    packed = Packer().pack(make_files(tmp_path))
    # Then another program's reader finds their names, contents and checksums
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == CONTENT


def test_an_executable_file_stays_executable(tmp_path: Path) -> None:
    script, plain = tmp_path / "bootstrap", tmp_path / "plain"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o700)
    plain.touch(mode=0o600)
    packed = Packer().pack({"bootstrap": script, "plain": plain})
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in archive.filelist}
    assert modes == {"bootstrap": 0o755, "plain": 0o644}


def test_only_what_changed_is_compressed_again(tmp_path: Path, compressed: list[bytes]) -> None:
    # Given a packer that has packed the files once
    files, kept = make_files(tmp_path), Packer()
    kept.pack(files)
    compressed.clear()
    # When one of them changes, but neither in size nor in date
    before = files["app.py"].stat()
    files["app.py"].write_bytes(CONTENT["app.py"].upper())
    os.utime(files["app.py"], ns=(before.st_atime_ns, before.st_mtime_ns))
    packed = kept.pack(files)
    # Then it alone is compressed, and the package is what a new packer makes
    assert compressed == [CONTENT["app.py"].upper()]
    assert packed == Packer().pack(files)


def test_more_files_than_a_zip_holds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packer, "_MAX_ENTRIES", 3)
    with pytest.raises(CommandError, match="more files"):
        Packer().pack(make_files(tmp_path))
