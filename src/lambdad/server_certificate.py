"""The certificate that the front door shows, and its private key: PEM, from files to OpenSSL.

Whoever runs `lambdad serve` reads the files; the node, which may not, is given what is in them, and
gives it to OpenSSL, which wants files, in memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

_LARGEST_FILE = 256 * 1024
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL
)
# What OpenSSL calls it: another key, or one of another kind.
_NOT_ITS_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
_ENCRYPTED = ("BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED")


def read_certificates(path: str) -> str:
    """The certificates in a file, the server's own first; ValueError says why there are none."""
    found = [match[0] for match in _CERTIFICATE.finditer(_read(path))]
    if not found:
        raise ValueError("it holds no certificate in PEM")
    return "\n".join(found) + "\n"


def read_private_key(path: str) -> str:
    """The private key in a file, which may hold certificates too; ValueError says why there is
    none."""
    found = _PRIVATE_KEY.search(_read(path))
    if found is None:
        raise ValueError("it holds no private key in PEM")
    if any(mark in found[0] for mark in _ENCRYPTED):
        raise ValueError("the key is encrypted, and the server cannot ask for its password")
    return found[0] + "\n"


def make_tls_context(certificates: str, private_key: str) -> ssl.SSLContext:
    """What the front door speaks TLS with; ValueError says why certificate and key cannot serve."""
    import ssl  # only here: most servers have no need of it, and it makes each start slower

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        with _in_memory(certificates) as chain, _in_memory(private_key) as key:
            context.load_cert_chain(chain, key, password=_refuse_password)
    except ssl.SSLError as error:
        raise ValueError(_reason(error)) from None
    return context


def _read(path: str) -> str:
    if "-----BEGIN" in path:
        raise ValueError("it must name a file, not be its content")
    if not path.strip() or "\0" in path:
        raise ValueError("it must name a file")
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from None
    if len(content) > _LARGEST_FILE:
        raise ValueError("it is too large to be a certificate or a key")
    return content.decode("latin-1")


@contextmanager
def _in_memory(text: str) -> Iterator[str]:
    """A path at which OpenSSL finds `text`, and nobody else does."""
    descriptor = os.memfd_create("pem")
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, text.encode("latin-1"))
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _refuse_password() -> str:
    """OpenSSL would ask for it at the terminal."""
    raise ValueError("the key is encrypted, and the server cannot ask for its password")


def _reason(error: ssl.SSLError) -> str:
    if error.reason in _NOT_ITS_KEY:
        return "the key is not the one of the certificate"
    return f"OpenSSL cannot use them ({error.reason or error})"
