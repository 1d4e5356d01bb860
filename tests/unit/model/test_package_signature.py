"""The signature of a package: who has signed it, and whether it is still what was signed."""

from __future__ import annotations

from base64 import b64encode
from contextlib import suppress
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import pkcs7
from hypothesis import given
from hypothesis import strategies as st

from lambdad.errors import ClientError
from lambdad.model.package_signature import read_certificates, verify_package
from support.control_plane import make_zip
from support.signing import OTHER_PROFILE, PROFILE, Publisher, at, with_comment

NOW = at(1_700_000_000)
PACKAGE = make_zip({"app.py": "def handler(event, context): return event"})
OURS = Publisher.make(NOW)
STRANGER = Publisher.make(NOW)
SIGNED = OURS.sign(PACKAGE)
PUBLISHERS = {PROFILE: read_certificates(OURS.pem), OTHER_PROFILE: ()}
CHANGED, UNTRUSTED = "InvalidCodeSignatureException", "CodeVerificationFailedException"


def refusal(content: bytes, code: str) -> str:
    """The sentence with which a package is refused."""
    with pytest.raises(ClientError) as caught:
        verify_package(content, PUBLISHERS, NOW)
    assert caught.value.code == code
    return caught.value.message


def test_a_package_is_known_by_its_publisher() -> None:
    assert verify_package(OURS.sign(PACKAGE), PUBLISHERS, NOW) == PROFILE


def test_an_rsa_key_signs_as_well() -> None:
    publisher = Publisher.make(NOW, is_rsa=True)
    found = verify_package(publisher.sign(PACKAGE), {"arn": [publisher.certificate]}, NOW)
    assert found == "arn"


def test_a_file_may_hold_the_old_and_the_new_certificate() -> None:
    certificates = read_certificates(STRANGER.pem + OURS.pem)
    assert verify_package(OURS.sign(PACKAGE), {"arn": certificates}, NOW) == "arn"
    with pytest.raises(ValueError, match="PEM"):
        read_certificates(b"nothing")


@pytest.mark.parametrize("comment", [b"", b"made by hand", OURS.pem])
def test_a_package_without_a_signature_is_trusted_by_nobody(comment: bytes) -> None:
    assert "AWS Signer" in refusal(with_comment(PACKAGE, comment), UNTRUSTED)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06", b"PK\x05\x06" + bytes(17)])
def test_what_is_no_zip_is_not_signed(content: bytes) -> None:
    refusal(content, UNTRUSTED)


def test_a_strangers_signature_is_not_enough() -> None:
    assert "none of the publishers" in refusal(STRANGER.sign(PACKAGE), UNTRUSTED)


@pytest.mark.parametrize("days", [-40, 40])
def test_a_certificate_counts_while_it_is_valid(days: int) -> None:
    with pytest.raises(ClientError, match="not valid now") as caught:
        verify_package(OURS.sign(PACKAGE), PUBLISHERS, NOW + timedelta(days=days))
    assert caught.value.code == UNTRUSTED


@pytest.mark.parametrize("publisher", [OURS, STRANGER])
def test_a_package_that_was_changed_is_refused_whoever_signed_it(publisher: Publisher) -> None:
    other = make_zip({"app.py": "def handler(event, context): return 'mine'"})
    refusal(with_comment(other, publisher.message(PACKAGE)), CHANGED)


def test_nobody_signs_in_the_name_of_another() -> None:
    """The stranger has signed, with a message that says that we have."""
    forged = Publisher(STRANGER.key, OURS.certificate)
    refusal(forged.sign(PACKAGE), CHANGED)


def test_other_kinds_of_messages_cannot_be_read() -> None:
    bare = (pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.NoAttributes)
    assert "signed attributes" in refusal(OURS.sign(PACKAGE, options=bare), CHANGED)
    attached = OURS.sign(PACKAGE, options=(pkcs7.PKCS7Options.Binary,))
    assert "detached" in refusal(attached, CHANGED)
    for text in (b"AAAA", b"A", b"===="):
        refusal(with_comment(PACKAGE, armoured(text)), CHANGED)


def armoured(text: bytes) -> bytes:
    return b"-----BEGIN CMS-----\n" + text + b"\n-----END CMS-----\n"


def test_a_second_end_of_the_zip_in_the_comment_hides_nothing() -> None:
    # Given a package in whose comment a last record stands that a reader of zips would believe
    signed = OURS.sign(PACKAGE)
    end = b"PK\x05\x06" + bytes(18)
    # Then it is not what was signed
    refusal(signed + end, UNTRUSTED)
    refusal(with_comment(PACKAGE, end + OURS.message(PACKAGE)), UNTRUSTED)


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_no_changed_byte_goes_unnoticed(place: int, flipped: int) -> None:
    """A byte of the package or of its comment: it is not trusted, or the package is the same."""
    changed = bytearray(SIGNED)
    changed[place] ^= flipped
    if _is_trusted(bytes(changed)):
        assert changed[: len(PACKAGE)] == SIGNED[: len(PACKAGE)]


@given(st.binary(max_size=200))
def test_no_message_is_an_error_of_ours(message: bytes) -> None:
    assert not _is_trusted(with_comment(PACKAGE, armoured(b64encode(message))))


def _is_trusted(content: bytes) -> bool:
    with suppress(ClientError):
        return verify_package(content, PUBLISHERS, NOW) == PROFILE
    return False
