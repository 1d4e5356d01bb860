"""The signature of a deployment package: a detached CMS message in the comment of its zip.

What is signed is the zip as it was before the comment was added, every byte of it: names, modes,
links and contents alike. The message (RFC 5652) is DER in the armour of PEM, as `openssl cms -sign
-binary -outform PEM` writes it, with signed attributes. Its signer is looked for among the
certificates that are trusted; certificates inside the message count for nothing.

    message's digest is not the package's, or its signature is not the signer's ─▶ the package was
        changed after it was signed: InvalidCodeSignatureException
    no message, a stranger's, or a certificate that is not valid now ─▶ CodeVerificationFailed-
        Exception, which a policy may turn into a warning
"""

from __future__ import annotations

import binascii
import hashlib
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import (
    Certificate,
    ExtensionNotFound,
    ObjectIdentifier,
    SubjectKeyIdentifier,
    load_pem_x509_certificates,
)

from lambdad.errors import ClientError

Publishers = Mapping[str, Sequence[Certificate]]  # certificates of a signing profile's version

_UNSIGNED = (
    "The package is not signed. lambdad reads a CMS signature in the comment of the zip, as "
    "`lambdad sign` writes it. AWS Signer's own format is not public: what it has signed counts as "
    "not signed."
)
_CHANGED = "The package is not what was signed: it has been changed since."
_UNREADABLE = "The signature in the package's comment cannot be read"

# Of a zip's last record: its first bytes, its size, and where the size of the comment stands.
_LAST_RECORD, _RECORD_SIZE, _LENGTH_SIZE = b"PK\x05\x06", 22, 2
_LARGEST_COMMENT = 0xFFFF

_ARMOUR = re.compile(
    rb"\s*-----BEGIN (CMS|PKCS7)-----([A-Za-z0-9+/=\s]+)-----END \1-----\s*", re.ASCII
)
_SIGNED_DATA = ObjectIdentifier("1.2.840.113549.1.7.2")
_MESSAGE_DIGEST = ObjectIdentifier("1.2.840.113549.1.9.4")
_DIGESTS: Mapping[str, hashes.HashAlgorithm] = {
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}


# The message, as far as it is read.


@asn1.sequence
class _Algorithm:
    algorithm: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Attribute:
    type: ObjectIdentifier
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class _Content:
    type: ObjectIdentifier
    content: Annotated[bytes | None, asn1.Explicit(0)]


@asn1.sequence
class _IssuerAndSerial:
    issuer: asn1.TLV
    serial_number: int


@asn1.sequence
class _Signer:
    version: int
    id: _IssuerAndSerial | Annotated[bytes, asn1.Implicit(0)]
    digest: _Algorithm
    attributes: Annotated[asn1.SetOf[_Attribute] | None, asn1.Implicit(0)]
    algorithm: _Algorithm
    signature: bytes
    unsigned_attributes: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(1)]


@asn1.sequence
class _Signatures:
    version: int
    digests: asn1.SetOf[_Algorithm]
    content: _Content
    certificates: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(0)]
    revocations: Annotated[asn1.SetOf[asn1.TLV] | None, asn1.Implicit(1)]
    signers: asn1.SetOf[_Signer]


@asn1.sequence
class _Message:
    type: ObjectIdentifier
    content: Annotated[_Signatures, asn1.Explicit(0)]


def read_certificates(pem: bytes) -> list[Certificate]:
    """The certificates of a PEM file; raises ValueError if it holds none."""
    return load_pem_x509_certificates(pem)


def verify_package(content: bytes, publishers: Publishers, now: datetime) -> str:
    """The publisher that has signed the zip `content`, or AWS's error why it is none of them.

    Slow for a large package: it reads all of it. Call it in a thread.
    """
    comment = _comment(content)
    armour = _ARMOUR.fullmatch(comment)
    if armour is None:
        raise _untrusted(_UNSIGNED)
    signers = _read_signers(armour[2])
    digests = _digests(content, len(comment), {_algorithm(signer).name for signer in signers})
    for signer in signers:
        _check_digest(signer, digests)
    signed_by = [
        (arn, certificate)
        for signer in signers
        for arn, certificates in publishers.items()
        for certificate in certificates
        if _is_by(signer, certificate) and _check_signature(signer, certificate)
    ]
    for arn, certificate in signed_by:
        if certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return arn
    if signed_by:
        raise _untrusted("The certificate of the package's publisher is not valid now.")
    raise _untrusted("The package is signed, but by none of the publishers that are allowed.")


def _comment(content: bytes) -> bytes:
    """The comment of a zip: all that follows its last record, exactly."""
    start = content.rfind(_LAST_RECORD, max(0, len(content) - _RECORD_SIZE - _LARGEST_COMMENT))
    end = start + _RECORD_SIZE
    length = int.from_bytes(content[end - _LENGTH_SIZE : end], "little")
    comment = content[end:]
    return comment if start >= 0 and length == len(comment) else b""


def _read_signers(text: bytes) -> list[_Signer]:
    try:
        message = asn1.decode_der(_Message, b64decode(b"".join(text.split()), validate=True))
    except (ValueError, binascii.Error):
        raise _changed(f"{_UNREADABLE}: it is no CMS message of signed data in DER.") from None
    if message.type != _SIGNED_DATA or message.content.content.content is not None:
        raise _changed(f"{_UNREADABLE}: it is no detached signature.")
    return message.content.signers.as_list()


def _digests(content: bytes, comment_size: int, names: set[str]) -> dict[str, bytes]:
    """The digests of the zip as it was without its comment, by the names of algorithms."""
    signed = memoryview(content)[: -comment_size - _LENGTH_SIZE]
    found = {}
    for name in names:
        digest = hashlib.new(name, signed)
        digest.update(bytes(_LENGTH_SIZE))
        found[name] = digest.digest()
    return found


def _check_digest(signer: _Signer, digests: Mapping[str, bytes]) -> None:
    """Refuse a message that is about something else than this package."""
    told = [
        bytes(value.data)
        for attribute in _attributes(signer).as_list()
        if attribute.type == _MESSAGE_DIGEST
        for value in attribute.values.as_list()
    ]
    if told != [digests[_algorithm(signer).name]]:
        raise _changed(_CHANGED)


def _is_by(signer: _Signer, certificate: Certificate) -> bool:
    """Does the message name this certificate's owner as its signer?"""
    if isinstance(signer.id, _IssuerAndSerial):
        issuer = asn1.decode_der(asn1.TLV, certificate.issuer.public_bytes())
        return signer.id.serial_number == certificate.serial_number and bytes(
            signer.id.issuer.data
        ) == bytes(issuer.data)
    try:
        extension = certificate.extensions.get_extension_for_class(SubjectKeyIdentifier)
    except ExtensionNotFound:
        return False
    return signer.id == extension.value.digest


def _check_signature(signer: _Signer, certificate: Certificate) -> bool:
    """True, or the error that somebody else has written in the signer's name."""
    key, algorithm = certificate.public_key(), _algorithm(signer)
    signed = asn1.encode_der(_attributes(signer))
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signer.signature, signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer.signature, signed, ec.ECDSA(algorithm))
        else:
            raise _untrusted("The publisher's key is neither of RSA nor of an elliptic curve.")
    except InvalidSignature:
        raise _changed(_CHANGED) from None
    return True


def _algorithm(signer: _Signer) -> hashes.HashAlgorithm:
    algorithm = _DIGESTS.get(signer.digest.algorithm.dotted_string)
    if algorithm is None:
        raise _changed(f"{_UNREADABLE}: its digest is none of SHA-256, SHA-384 and SHA-512.")
    return algorithm


def _attributes(signer: _Signer) -> asn1.SetOf[_Attribute]:
    if signer.attributes is None:
        raise _changed(f"{_UNREADABLE}: it has no signed attributes.")
    return signer.attributes


def _changed(message: str) -> ClientError:
    return ClientError("InvalidCodeSignatureException", message)


def _untrusted(message: str) -> ClientError:
    return ClientError("CodeVerificationFailedException", message)
