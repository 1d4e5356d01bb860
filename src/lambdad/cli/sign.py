"""`lambdad sign`: put a signature into the comment of a deployment package."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click

from lambdad.cli.failure import CommandError, ExitCode

_LAST_RECORD, _RECORD_SIZE = b"PK\x05\x06", 22  # of a zip
_LARGEST_COMMENT = 0xFFFF
_ARMOUR = b"-----BEGIN PKCS7-----", b"-----BEGIN CMS-----"

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("sign")
@click.argument("package", type=_file)
@click.option("--certificate", required=True, type=_file, help="The publisher's certificate (PEM).")
@click.option("--key", required=True, type=_file, help="Its private key (PEM), not encrypted.")
def command(package: Path, certificate: Path, key: Path) -> None:
    """Sign PACKAGE, a zip, in its place; a signature that it has is replaced.

    docs/code-signing.md says how to do the same with openssl and zip.
    """
    unsigned = _without_signature(package)
    signature = _sign(unsigned, certificate, key)
    if len(signature) > _LARGEST_COMMENT:
        raise _refusal("The signature is larger than the comment of a zip can be.")
    _replace(package, unsigned[:-2] + len(signature).to_bytes(2, "little") + signature)
    click.echo(f"Signed {package}.")


def _without_signature(package: Path) -> bytes:
    """The package with an empty comment."""
    content = package.read_bytes()
    start = content.rfind(_LAST_RECORD)
    end = start + _RECORD_SIZE
    comment = content[end:]
    if start < 0 or int.from_bytes(content[end - 2 : end], "little") != len(comment):
        raise _refusal(f"{package} is not a zip.")
    if comment and not comment.lstrip().startswith(_ARMOUR):
        raise _refusal(f"{package} has a comment, where its signature belongs. Remove it first.")
    return content[: end - 2] + bytes(2)


def _sign(content: bytes, certificate: Path, key: Path) -> bytes:
    # Only this command needs it.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        load_pem_private_key,
        pkcs7,
    )

    options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
    try:
        signer = x509.load_pem_x509_certificate(certificate.read_bytes())
        private_key: Any = load_pem_private_key(key.read_bytes(), password=None)
        if private_key.public_key() != signer.public_key():
            raise _refusal(f"{key} is not the key of {certificate}.")
        builder = pkcs7.PKCS7SignatureBuilder(content)
        builder = builder.add_signer(signer, private_key, hashes.SHA256())
        return builder.sign(Encoding.PEM, options)
    except (ValueError, TypeError) as error:  # TypeError: encrypted, or a kind of key
        raise _refusal(f"{certificate} and {key} cannot sign: {error}") from None


def _replace(package: Path, content: bytes) -> None:
    """The package is the old one or the new one, whatever happens."""
    with tempfile.NamedTemporaryFile(dir=package.parent, prefix=".", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            shutil.copymode(package, file.name)
            os.replace(file.name, package)
        except BaseException:
            os.unlink(file.name)
            raise


def _refusal(sentence: str) -> CommandError:
    return CommandError(sentence, ExitCode.USAGE)
