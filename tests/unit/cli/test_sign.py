"""`lambdad sign`: what it signs is what the server verifies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from stand_in import Run

from lambdad.model.package_signature import verify_package
from support.control_plane import make_zip
from support.signing import Publisher, at, with_comment

NOW = at(1_700_000_000)
OURS, OTHER = Publisher.make(NOW), Publisher.make(NOW)
PACKAGE = make_zip({"app.py": "x = 1"})

Sign = Callable[[bytes], Run]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package on disk."""
    return tmp_path / "package.zip"


@pytest.fixture
def sign(run: Callable[..., Run], package: Path, tmp_path: Path) -> Sign:
    """Write a package and sign it with our key."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(OURS.pem)
    key.write_bytes(OURS.key_pem)

    def sign(content: bytes) -> Run:
        package.write_bytes(content)
        return run("sign", package, "--certificate", certificate, "--key", key)

    return sign


@pytest.mark.parametrize(
    "content",
    [PACKAGE, OTHER.sign(PACKAGE), OURS.sign(PACKAGE)],
    ids=["unsigned", "signed by another", "signed before"],
)
def test_a_package_is_signed_in_its_place(sign: Sign, package: Path, content: bytes) -> None:
    # When
    ended = sign(content)
    # Then
    assert (ended.code, ended.err, ended.out) == (0, "", f"Signed {package}.\n")
    signed = package.read_bytes()
    assert verify_package(signed, {"arn": [OURS.certificate]}, NOW) == "arn"
    assert signed[: len(PACKAGE) - 2] == PACKAGE[:-2]
    assert [path.name for path in package.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no zip", "is not a zip"),
        (PACKAGE + b"more", "is not a zip"),
        (with_comment(PACKAGE, b"made by hand"), "has a comment"),
    ],
)
def test_what_cannot_be_signed_stays_as_it_is(
    sign: Sign, package: Path, content: bytes, reason: str
) -> None:
    ended = sign(content)
    assert ended.code == 2
    assert reason in ended.err
    assert package.read_bytes() == content


@pytest.mark.parametrize("key", [OTHER.key_pem, b"nothing"])
def test_a_key_must_be_that_of_the_certificate(
    sign: Sign, package: Path, run: Callable[..., Run], key: bytes
) -> None:
    sign(PACKAGE)
    files = package.parent / "certificate.pem", package.parent / "key.pem"
    files[1].write_bytes(key)
    ended = run("sign", package, "--certificate", files[0], "--key", files[1])
    assert ended.code == 2
    assert str(files[1]) in ended.err
