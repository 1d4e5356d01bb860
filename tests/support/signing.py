"""Publishers of packages: keys, certificates, signatures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs7,
)

PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/release/1a2b3c"
OTHER_PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/other/4d5e6f"


@dataclass(frozen=True)
class Publisher:
    """A key and its certificate."""

    key: Any
    certificate: x509.Certificate

    @classmethod
    def make(cls, now: datetime, *, days: int = 30, is_rsa: bool = False) -> Publisher:
        """One whose certificate is valid for so many days from yesterday on."""
        key: Any = (
            rsa.generate_private_key(65537, 2048)
            if is_rsa
            else ec.generate_private_key(ec.SECP256R1())
        )
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "publisher")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now - timedelta(days=1) + timedelta(days=days))
        )
        return cls(key, builder.sign(key, hashes.SHA256()))

    @property
    def pem(self) -> bytes:
        """The certificate's file."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key's file."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def sign(self, package: bytes, *, options: tuple[pkcs7.PKCS7Options, ...] = ()) -> bytes:
        """The package with this publisher's signature in its comment."""
        return with_comment(package, self.message(package, options=options))

    def message(self, package: bytes, *, options: tuple[pkcs7.PKCS7Options, ...] = ()) -> bytes:
        """The signature of a package, in PEM."""
        chosen = options or (pkcs7.PKCS7Options.DetachedSignature,)
        builder = pkcs7.PKCS7SignatureBuilder(package)
        builder = builder.add_signer(self.certificate, self.key, hashes.SHA256())
        return builder.sign(Encoding.PEM, [*chosen, pkcs7.PKCS7Options.Binary])


def with_comment(package: bytes, comment: bytes) -> bytes:
    """A zip that has none, with a comment."""
    return package[:-2] + len(comment).to_bytes(2, "little") + comment


def at(seconds: float) -> datetime:
    """A moment since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
