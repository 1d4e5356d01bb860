"""What cannot be packed or read is said in a sentence: it is no bug of ours."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in import HANDLER, Run, StandIn

from lambdad.cli.failure import ExitCode

Lambdad = Callable[..., Run]
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
HEADER = 30 + len("app.py")  # what precedes the content of the first file


def make_zip(method: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as archive:
        archive.writestr("app.py", HANDLER * 20)
    return content.getvalue()


def encrypted() -> bytes:
    content = bytearray(make_zip())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def of_an_unknown_method() -> bytes:
    content = bytearray(make_zip())
    content[content.index(b"PK\x01\x02") + 10] = 77
    return bytes(content)


def with_damaged_content(method: int) -> bytes:
    content = bytearray(make_zip(method))
    for position in range(HEADER, HEADER + 16):
        content[position] ^= 0xFF
    return bytes(content)


DAMAGED = {
    "its start is missing": make_zip()[20:],
    "its directory is missing": b"PK\x03\x04" + make_zip()[-22:],
    "an entry has no header": b"X" + make_zip()[1:],
    "encrypted": encrypted(),
    "of a method that nobody knows": of_an_unknown_method(),
    **{f"content damaged, method {method}": with_damaged_content(method) for method in METHODS},
}


def says_in_a_sentence(ended: Run, words: str) -> bool:
    assert ended.code == ExitCode.USAGE, ended.err
    (line,) = ended.err.splitlines()
    return line.startswith("lambdad: ") and words in line


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_zip_is_said_to_be_one(
    run: Lambdad, server: StandIn, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "made.zip"
    path.write_bytes(content)
    ended = run("deploy", path, "--name", "f")
    assert says_in_a_sentence(ended, "made.zip is a damaged zip: ")
    assert server.functions == {}


@pytest.mark.parametrize("name", [b"\xff.txt", b"lib/\xff.py", b"\xff.py"])
def test_a_file_whose_name_is_not_utf_8_is_to_be_renamed(
    run: Lambdad, server: StandIn, make_directory: Callable[..., Path], name: bytes
) -> None:
    # Given
    directory = make_directory(app__py=HANDLER)
    path = os.path.join(os.fsencode(directory), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("x = 1\n")
    # When
    ended = run("deploy", directory)
    # Then
    shown = name.decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace").decode()
    assert says_in_a_sentence(ended, f"The name of the file {shown} is not UTF-8; rename it.")
    assert server.functions == {}


def test_a_single_file_whose_name_is_not_utf_8_is_to_be_renamed(
    run: Lambdad, server: StandIn, make_directory: Callable[..., Path]
) -> None:
    path = os.path.join(os.fsencode(make_directory()), b"\xff.py")
    with open(path, "w") as file:
        file.write(HANDLER)
    ended = run("deploy", os.fsdecode(path), "--name", "f")
    assert says_in_a_sentence(ended, "is not UTF-8; rename it.")
