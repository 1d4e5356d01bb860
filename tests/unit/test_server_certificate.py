"""Certificates and keys as operators have them, and as they should not be."""

from __future__ import annotations

import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from lambdad.cli.local_certificate import make_certificate
from lambdad.server_certificate import make_tls_context, read_certificates, read_private_key
from support.certificates import local_certificate

MADE = local_certificate()
CHAIN, KEY = MADE.chain.decode(), MADE.key.decode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.pem"


def key_in(form: PrivateFormat, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    key = load_pem_private_key(MADE.key, None)
    return key.private_bytes(Encoding.PEM, form, encryption)


def test_one_file_may_hold_everything_and_words_beside_it(file: Path) -> None:
    file.write_bytes("# Schlüssel\n".encode() + MADE.key + b"subject=localhost\n" + MADE.chain)
    assert read_private_key(str(file)) == KEY
    assert read_certificates(str(file)) == CHAIN
    assert "PRIVATE KEY" not in read_certificates(str(file))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_may_have_either_form(file: Path, form: PrivateFormat) -> None:
    file.write_bytes(key_in(form))
    assert make_tls_context(CHAIN, read_private_key(str(file)))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key_is_refused(file: Path, form: PrivateFormat) -> None:
    file.write_bytes(key_in(form, b"secret"))
    with pytest.raises(ValueError, match="the key is encrypted"):
        read_private_key(str(file))
    with pytest.raises(ValueError, match="the key is encrypted"):  # and is not asked for
        make_tls_context(CHAIN, file.read_text())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it holds no .* in PEM"),
        (b"\x30\x82\x01\x02", "it holds no .* in PEM"),
        (b"x" * (256 * 1024 + 1), "too large"),
    ],
)
def test_a_file_without_what_it_should_hold_is_refused(
    file: Path, content: bytes, reason: str
) -> None:
    file.write_bytes(content)
    for read in (read_certificates, read_private_key):
        with pytest.raises(ValueError, match=reason):
            read(str(file))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/absent.pem", "cannot be read .No such file"),
        ("/", "cannot be read .Is a directory"),
        ("/dev/zero", "too large"),
        (" ", "must name a file"),
        ("a\0b", "must name a file"),
        (KEY, "must name a file"),
    ],
)
def test_what_is_no_file_is_refused(path: str, reason: str) -> None:
    for read in (read_certificates, read_private_key):
        with pytest.raises(ValueError, match=reason):
            read(path)


def test_a_certificate_and_the_key_of_another_are_refused() -> None:
    other = make_certificate(["localhost"], datetime.now(UTC)).key.decode()
    with pytest.raises(ValueError, match="the key is not the one of the certificate"):
        make_tls_context(CHAIN, other)


@pytest.mark.parametrize(
    "other", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)]
)
def test_a_key_of_another_kind_is_refused(
    other: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
) -> None:
    form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="the key is not the one of the certificate"):
        make_tls_context(CHAIN, other.private_bytes(*form).decode())


@pytest.mark.parametrize("kind", ["CERTIFICATE", "PRIVATE KEY"])
def test_what_only_looks_like_pem_is_refused(kind: str) -> None:
    nonsense = f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n"
    pair = {"CERTIFICATE": (nonsense, KEY), "PRIVATE KEY": (CHAIN, nonsense)}[kind]
    with pytest.raises(ValueError, match="OpenSSL cannot use them"):
        make_tls_context(*pair)


def test_nothing_older_than_tls_1_2_is_spoken_and_nothing_stays_open() -> None:
    before = set(os.listdir("/proc/self/fd"))
    context = make_tls_context(CHAIN, KEY)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert set(os.listdir("/proc/self/fd")) == before
