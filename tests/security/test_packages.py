"""A deployment package cannot harm the server that unpacks it, nor lead a function out."""

from __future__ import annotations

import io
import os
import stat
import struct
import uuid
import warnings
import zipfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.sandboxes import ON_ISOLATED

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [*ON_ISOLATED, pytest.mark.slow]

NAME = "escaped-from-a-package"
LIMIT = 262_144_000
APP = """
import os
def handler(event, context):
    found = {}
    for directory, directories, files in os.walk("/var/task"):
        for name in [*directories, *files]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            text = None
            if os.path.isfile(path) and not path.endswith(".pyc"):
                text = open(path).read()[:40]
            found[path[len("/var/task/"):]] = {
                "mode": status.st_mode, "uid": status.st_uid, "links": status.st_nlink,
                "text": text,
            }
    return found
"""

Item = tuple[str, int, str]  # name, mode, content


def make_package(items: Iterable[Item], *, app: str = APP) -> bytes:
    """A zip of these entries besides the function's own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, mode, content in (("app.py", stat.S_IFREG | 0o644, app), *items):
            entry = zipfile.ZipInfo("x")
            entry.filename = name  # as it is: the constructor would make it harmless
            entry.external_attr = mode << 16
            with warnings.catch_warnings(action="ignore"):  # two of one name
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def file(name: str, content: str = "text", mode: int = 0o644) -> Item:
    return name, stat.S_IFREG | mode, content


def link(name: str, target: str) -> Item:
    return name, stat.S_IFLNK | 0o777, target


def refusal(make_function: MakeFunction, package: bytes) -> str:
    """The message of the error that CreateFunction answers."""
    with pytest.raises(ClientError) as caught:
        make_function(package=package)
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidParameterValueException", error
    return str(error["Message"])


@pytest.fixture(autouse=True)
def _nothing_lies_outside(server: LocalServer) -> Any:
    """Whatever is deployed, nothing of it is anywhere but in the code store."""
    yield
    places = [Path("/"), Path("/tmp"), Path("/etc"), Path.cwd(), *server.data_dir.parents]
    assert [place / NAME for place in places if os.path.lexists(place / NAME)] == []
    code = server.data_dir / "node/code"
    found = [path for path in server.data_dir.rglob(f"*{NAME}*") if code not in path.parents]
    assert found == []


@pytest.mark.parametrize(
    "item",
    [
        file(f"../{NAME}"),
        file(f"../../../../../../tmp/{NAME}"),
        file(f"a/../../{NAME}"),
        file(f"/tmp/{NAME}"),
        file(f"//tmp/{NAME}"),
        link(NAME, "/etc/passwd"),
        link(NAME, "/"),
        link(NAME, "../state.db"),
        link(NAME, "a/../../.."),
        link(NAME, "/var/task/app.py"),
        (NAME, stat.S_IFCHR | 0o666, ""),
        (NAME, stat.S_IFBLK | 0o666, ""),
        (NAME, stat.S_IFIFO | 0o666, ""),
        (NAME, stat.S_IFSOCK | 0o666, ""),
        file("n" * 256),
        file("n/" * 20_000 + "n"),
        file("n" * 65_535),
    ],
    ids=lambda item: repr(f"{stat.S_IFMT(item[1]):o} {item[0][:40]} {item[2][:20]}"),
)
def test_what_leads_out_or_is_no_file_is_refused(make_function: MakeFunction, item: Item) -> None:
    assert "Could not unzip uploaded file" in refusal(make_function, make_package([item]))


@pytest.mark.parametrize(
    "item",
    [file(f"../{NAME}"), file(f"/tmp/{NAME}"), link(NAME, "/etc/passwd"), link(NAME, "../code")],
    ids=["climbs", "is absolute", "leads to the host", "leads to the store"],
)
def test_a_layer_that_leads_out_is_refused(lambda_client: Any, item: Item) -> None:
    with pytest.raises(ClientError) as caught:
        lambda_client.publish_layer_version(
            LayerName="hostile", Content={"ZipFile": make_package([item])}
        )
    assert "Could not unzip uploaded file" in caught.value.response["Error"]["Message"]


def test_layers_that_lead_out_together_are_not_unpacked(
    make_function: MakeFunction, lambda_client: Any
) -> None:
    # Given two layers, each harmless: in the first `way` ends at the root, in the second above it
    arns = [
        lambda_client.publish_layer_version(
            LayerName=f"together-{number}-{uuid.uuid4().hex[:8]}",
            Content={"ZipFile": make_package([item])},
        )["LayerVersionArn"]
        for number, item in enumerate([link("way", "d/e/../.."), link("d/e", "..")])
    ]

    # When a function has both
    function = make_function("echo", wait=False, Layers=arns)

    # Then it fails, and says why
    failed = function.wait_until_settled()
    assert failed["State"] == "Failed"
    assert "A link leaves the package" in failed["StateReason"]


@pytest.mark.parametrize(
    "items",
    [
        [link("a", "."), link("a/b", ".."), file(f"a/b/{NAME}")],
        [link("a", "b"), link("b", ".."), file(f"a/{NAME}")],
        [link("a", "b"), link("b", "a"), file(f"a/{NAME}")],
        [link("a", "sub"), file(f"a/{NAME}")],
        [file("a"), file(f"a/{NAME}")],
        [link("deep/a", "../.."), file("other")],
    ],
    ids=["link below a link", "chain", "endless", "file below a link", "file below a file", "up"],
)
def test_links_cannot_carry_a_file_out(make_function: MakeFunction, items: list[Item]) -> None:
    assert "Could not unzip uploaded file" in refusal(make_function, make_package(items))


def test_what_is_harmless_is_made_harmless(make_function: MakeFunction) -> None:
    # Given set-user-id bits, links that stay inside, names that are special elsewhere, duplicates
    package = make_package(
        [
            file("tool", mode=0o6777),
            file("sticky", mode=0o1666),
            link("same", "data/one.txt"),
            file("data/one.txt", "inside"),
            file(f"..\\..\\{NAME}", "no separator"),
            file("C:name", "no drive"),
            file("twice", "the first"),
            file("twice", "the second"),
        ]
    )
    # When
    found = make_function(package=package).call()
    # Then
    assert all(entry["uid"] != 0 for entry in found.values())
    assert {entry["mode"] & ~0o777 for entry in found.values()} == {
        stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK,
    }  # fmt: skip
    assert (found["tool"]["mode"], found["sticky"]["mode"]) == (
        stat.S_IFREG | 0o755,
        stat.S_IFREG | 0o644,
    )
    assert found["same"]["text"] == "inside"
    assert found[f"..\\..\\{NAME}"]["text"] == "no separator"
    assert found["twice"]["text"] == "the second"
    assert all(entry["links"] == 1 for name, entry in found.items() if entry["text"])


def test_a_dangling_link_leads_into_the_sandbox_alone(make_function: MakeFunction) -> None:
    """The way is checked within the package; what it finds is looked for within the sandbox."""
    app = "import os\ndef handler(e, c): return [os.path.exists('up/passwd'), os.listdir('.')]"
    package = make_package([link("up", "etc")], app=app)
    assert make_function(package=package).call()[0] is False


@cache
def bomb(names: tuple[str, ...], size: int) -> bytes:
    return make_package([file(name, "\0" * size) for name in names])


def overlapping() -> bytes:
    """Many directory entries that lead to the same compressed megabytes."""
    package = bomb(("payload",), 10 << 20)
    end = package.rindex(b"PK\x05\x06")
    size, start = struct.unpack("<II", package[end + 12 : end + 20])
    directory = package[start : start + size]
    at = directory.rindex(b"PK\x01\x02")
    copies = b"".join(
        directory[at:].replace(b"payload", b"payl%03d" % number) for number in range(60)
    )
    count, length = 1 + 60, at + len(copies)
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, length, start, 0)
    return package[:start] + directory[:at] + copies + tail


def lying(claimed: int) -> bytes:
    """A directory that says that 300 MB are a few."""
    package = bytearray(bomb(("payload",), 300 << 20))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = package.rindex(signature) + offset
        package[at : at + 4] = struct.pack("<I", claimed)
    return bytes(package)


@pytest.mark.parametrize(
    ("package", "sentence"),
    [
        (lambda: bomb(("a", "b"), LIMIT // 2 + 1), "Unzipped size must be smaller than"),
        (overlapping, "Unzipped size must be smaller than"),
        (lambda: lying(10), "Could not unzip uploaded file"),
        (lambda: lying(0), "Could not unzip uploaded file"),
        (lambda: make_package([file("x", "PK\x01\x02" * 9)]) + b"PK\x01\x02" * 100_001, "entries"),
    ],
    ids=["honest bomb", "overlapping entries", "lying headers", "empty headers", "many entries"],
)
def test_bombs_are_refused_and_the_server_answers(
    make_function: MakeFunction, package: Callable[[], bytes], sentence: str
) -> None:
    echo = make_function("echo")
    assert sentence in refusal(make_function, package())
    assert echo.call({"still": "there"}) == {"still": "there"}
