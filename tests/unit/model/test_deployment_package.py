"""Packages that want to do harm, and the odd ones that are fine."""

from __future__ import annotations

import io
import re
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.errors import ClientError
from lambdad.model import deployment_package
from lambdad.model.deployment_package import (
    CANNOT_UNZIP,
    EMPTY,
    TOO_LARGE,
    Kind,
    open_zip,
    read_package,
    validate_zip,
)

LINK = 0o120777


def make_zip(
    *entries: tuple[str, str | bytes] | tuple[str, str | bytes, int],
    compression: int = zipfile.ZIP_DEFLATED,
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content, *mode in entries:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = compression
            entry.external_attr = (mode[0] if mode else 0o100644) << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def paths(content: bytes) -> dict[str, Kind]:
    validate_zip(content)
    with open_zip(io.BytesIO(content)) as archive:
        return {entry.path: entry.kind for entry in read_package(archive)}


def refusal(content: bytes) -> str:
    with pytest.raises(ClientError) as caught:
        validate_zip(content)
    assert caught.value.code == "InvalidParameterValueException"
    return caught.value.message


def test_files_directories_and_links_are_read() -> None:
    content = make_zip(
        ("./app.py", "x"),
        ("lib//a", ""),
        ("lib/", "", 0o040755),
        ("plain/", ""),
        ("l", "lib", LINK),
    )
    assert paths(content) == {
        "app.py": Kind.FILE,
        "lib/a": Kind.FILE,
        "lib": Kind.DIRECTORY,
        "plain": Kind.DIRECTORY,
        "l": Kind.LINK,
    }


@pytest.mark.parametrize("content", [b"", make_zip(), make_zip(("./", ""))])
def test_an_empty_package_is_refused(content: bytes) -> None:
    assert refusal(content) == EMPTY


def test_what_is_no_zip_is_refused_in_awss_words() -> None:
    whole = make_zip(("app.py", "x" * 1000))
    torn = [whole[:-30], whole[40:], whole.replace(b"PK\x01\x02", b"PK\x01\x03")]
    for content in [b"no zip", b"PK\x05\x06", *torn]:
        assert refusal(content) == CANNOT_UNZIP


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../evil", "a/../../evil", "a/..", "n" * 256, "/".join(["dir"] * 300)]
)
def test_names_that_leave_the_package_are_refused(name: str) -> None:
    assert refusal(make_zip(("fine", ""), (name, ""))).startswith(CANNOT_UNZIP)


@pytest.mark.parametrize("mode", [0o060644, 0o020644, 0o010644, 0o140644])
def test_devices_pipes_and_sockets_are_refused(mode: int) -> None:
    assert "neither file, directory nor link" in refusal(make_zip(("it", "", mode)))


@pytest.mark.parametrize(
    "links",
    [
        {"l": "/etc/passwd"},
        {"l": ".."},
        {"a/l": "../../etc"},
        {"a/b/l": "../..", "m": "a/b/l/../etc"},
        {"l": "m", "m": "l"},
        {"l": "a/" * 400},
        {"l": ""},
    ],
)
def test_links_that_leave_the_package_are_refused(links: dict[str, str]) -> None:
    assert refusal(make_zip(*[(path, target, LINK) for path, target in links.items()]))


@pytest.mark.parametrize(
    "links",
    [
        {"lib64": "lib"},
        {"node_modules/.bin/tool": "../tool/cli.js"},
        {"dangling": "not/there"},
        {"l": "m/x", "m": "deep/er", "deep/er/x": "../../end"},
        {"l": "./a/../b"},
    ],
)
def test_links_that_stay_inside_are_kept(links: dict[str, str]) -> None:
    assert paths(
        make_zip(*[(path, target, LINK) for path, target in links.items()])
    ) == dict.fromkeys(links, Kind.LINK)


def test_nothing_lies_beneath_a_file_or_a_link() -> None:
    assert "no directory" in refusal(make_zip(("a", ""), ("a/b", "")))
    assert "no directory" in refusal(make_zip(("a/b/c", ""), ("a", "elsewhere", LINK)))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_entries_with_one_name_the_later_counts() -> None:
    content = make_zip(("a", "first"), ("./a", "second"))
    with open_zip(io.BytesIO(content)) as archive:
        (entry,) = read_package(archive)
        assert archive.read(entry.source) == b"second"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_link_cannot_be_hidden_behind_a_file_of_its_name() -> None:
    hidden = make_zip(("a", "/etc", LINK), ("a", "a file"))
    assert paths(hidden) == {"a": Kind.FILE}
    assert "leaves the package" in refusal(make_zip(("a", "a file"), ("a", "/etc", LINK)))


def test_too_many_bytes_are_refused_by_what_the_directory_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deployment_package, "CODE_UNZIPPED", 1_000)
    validate_zip(make_zip(("a", "x" * 500), ("b", "x" * 499)))
    assert refusal(make_zip(("a", "x" * 500), ("b", "x" * 500))) == TOO_LARGE


def test_too_many_bytes_are_refused_by_counting_them(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given entries whose sizes are added up one by one, whatever the directory says of all
    monkeypatch.setattr(deployment_package, "CODE_UNZIPPED", 1_000)
    content = make_zip(("a", "x" * 900), ("b", "x" * 900))
    lying = content.replace(struct.pack("<L", 900), struct.pack("<L", 10))
    # Then an entry that is longer than it says does not fit its checksum
    assert refusal(lying) == CANNOT_UNZIP


def test_a_bomb_is_not_inflated_beyond_what_its_directory_says() -> None:
    # Given 20 MB of zeros that call themselves ten bytes, with a fitting checksum
    size = 20 << 20
    content = make_zip(("bomb", bytes(size)))
    small = content.replace(struct.pack("<L", size), struct.pack("<L", 10))
    whole_crc = struct.pack("<L", zlib.crc32(bytes(size)))
    lying = small.replace(whole_crc, struct.pack("<L", zlib.crc32(bytes(10))))
    # Then only those ten bytes are ever read
    with open_zip(io.BytesIO(lying)) as archive:
        (entry,) = read_package(archive)
        chunks = deployment_package.read_file(archive, entry)
        assert sum(len(chunk) for chunk in chunks) == 10


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_package, "MAX_ENTRIES", 3)
    validate_zip(make_zip(*[(str(number), "") for number in range(3)]))
    assert "3 entries" in refusal(make_zip(*[(str(number), "") for number in range(4)]))
    assert "3 directories" in refusal(make_zip(("a/b/c/d/e", "")))


def test_encrypted_entries_are_refused() -> None:
    content = bytearray(make_zip(("secret", "x")))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in refusal(bytes(content))


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compressions_that_aws_does_not_know_are_refused(compression: int) -> None:
    assert "compression" in refusal(make_zip(("a", "x"), compression=compression))


def test_names_are_unicode_with_and_without_the_flag_that_says_so() -> None:
    said = make_zip(("grüße/日本.txt", ""))
    unsaid = bytearray(said)
    unsaid[7] &= ~0x08
    unsaid[unsaid.index(b"PK\x01\x02") + 9] &= ~0x08
    assert list(paths(said)) == list(paths(bytes(unsaid))) == ["grüße/日本.txt"]


@given(st.data())
@settings(max_examples=60)
def test_broken_packages_raise_nothing_but_awss_error(data: st.DataObject) -> None:
    content = bytearray(make_zip(("a/b.py", "x" * 50), ("l", "a", LINK), ("é", "")))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        validate_zip(bytes(content))
    except ClientError as error:
        assert error.code == "InvalidParameterValueException"  # noqa: PT017


def test_a_file_is_judged_like_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_package, "CHUNK", 7)  # entries lie across chunks
    file = tmp_path / "package.zip"
    for content, message in (
        (make_zip(("a", "x")), None),
        (make_zip(("/a", "x")), CANNOT_UNZIP),
        (b"", EMPTY),
        (b"no zip", CANNOT_UNZIP),
    ):
        file.write_bytes(content)
        if message is None:
            validate_zip(file)
        else:
            with pytest.raises(ClientError, match=re.escape(message)):
                validate_zip(file)
    monkeypatch.setattr(deployment_package, "MAX_ENTRIES", 2)
    file.write_bytes(make_zip(*[(str(number), "") for number in range(3)]))
    with pytest.raises(ClientError, match="more than 2 entries"):
        validate_zip(file)


def test_a_link_that_inflates_without_end_is_read_no_further_than_it_may_be_long() -> None:
    # Given a link whose size is a lie: behind it come 50 MB
    content = make_zip(("link", b"x" * 50_000_000, LINK))
    end = content.rindex(b"PK\x01\x02")
    size = struct.pack("<I", 10)
    lying = content[: end + 24] + size + content[end + 28 :]
    # When, then
    tracemalloc.start()
    refusal(lying)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_entries_that_share_their_bytes_are_refused() -> None:
    content = make_zip(("a.py", "x = 1"))
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    entry = content[start:end]
    counts = struct.pack("<HHII", 2, 2, 2 * len(entry), start)
    doubled = content[:start] + entry * 2 + content[end : end + 8] + counts + b"\0\0"
    assert "the same bytes" in refusal(doubled)


def test_more_links_than_there_may_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_package, "MAX_LINKS", 2)
    links = [(f"l{number}", "app.py", LINK) for number in range(3)]
    assert "more than 2 links" in refusal(make_zip(("app.py", "x"), *links))
