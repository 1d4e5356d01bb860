"""A CA for this machine, and a certificate for the names that lead to a server on it.

The CA signs this one certificate; then its key is forgotten, so that whoever trusts the CA trusts
nothing else.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_VALID_FOR = timedelta(days=397)  # browsers refuse certificates of more than 398 days
_CLOCK_TOLERANCE = timedelta(hours=1)
_OURS = ("localhost", "*.localhost", "127.0.0.1", "::1")
# As clients compare it: labels of letters, digits and hyphens; the first may be a wildcard.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class MadeCertificate:
    """What the files are to hold: the CA, the certificate followed by the CA, and the key."""

    authority: bytes
    chain: bytes
    key: bytes
    expires: datetime


def lambda_regions() -> list[str]:
    """Every region that Lambda is known in, of all partitions."""
    # Only this command needs it, and it takes long.
    import botocore.session

    session = botocore.session.Session()
    return sorted(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("lambda", partition)
    )


def names_of(hosts: Sequence[str], regions: Sequence[str]) -> list[str]:
    """The names and addresses of a certificate; a wildcard stands for one label, so that the URLs
    of functions need one for each region. ValueError says which of the hosts is none."""
    urls = [f"*.lambda-url.{region}.{end}" for region in regions for end in ("localhost", "on.aws")]
    return list(dict.fromkeys([*_OURS, *(_checked(host) for host in hosts), *urls]))


def make_certificate(names: Sequence[str], now: datetime) -> MadeCertificate:
    """A CA that is made for this, and a certificate of it for `names`."""
    # Only this command needs it.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    # Each CA has a name of its own: clients that trust an older one too must not mix them up.
    issuer = _common_name(f"lambdad local CA {secrets.token_hex(4)}")
    authority = (
        _begin(issuer, issuer, authority_key, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        _begin(_common_name("localhost"), issuer, key, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
        )
        .sign(authority_key, hashes.SHA256())
    )
    authority_pem = authority.public_bytes(Encoding.PEM)
    return MadeCertificate(
        authority=authority_pem,
        chain=certificate.public_bytes(Encoding.PEM) + authority_pem,
        key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        expires=certificate.not_valid_after_utc,
    )


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: EllipticCurvePrivateKey,
    issuer_key: EllipticCurvePrivateKey,
    now: datetime,
) -> x509.CertificateBuilder:
    from cryptography import x509

    own, issuers = key.public_key(), issuer_key.public_key()
    begin = now - _CLOCK_TOLERANCE
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(own)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + _VALID_FOR)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuers), critical=False)
    )


def _common_name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    from cryptography import x509

    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _checked(host: str) -> str:
    """A name as certificates hold it, with letters beyond ASCII as DNS spells them."""
    if _address(host) is not None:
        return str(_address(host))
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise ValueError(f"{host!r} is neither the name of a host nor an address")
    return name.lower()
