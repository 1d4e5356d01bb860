"""A certificate for localhost, and both ends of TLS with it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from functools import cache

from lambdad.cli.local_certificate import MadeCertificate, make_certificate
from lambdad.server_certificate import make_tls_context


@cache
def local_certificate() -> MadeCertificate:
    """One for all tests."""
    names = ["localhost", "127.0.0.1", "*.lambda-url.us-east-1.localhost"]
    return make_certificate(names, datetime.now(UTC))


def server_context() -> ssl.SSLContext:
    """What a server speaks TLS with."""
    made = local_certificate()
    return make_tls_context(made.chain.decode(), made.key.decode())


def client_context(*versions: ssl.TLSVersion) -> ssl.SSLContext:
    """What a client speaks TLS with, in one of the versions if they are named."""
    context = ssl.create_default_context(cadata=local_certificate().authority.decode())
    if versions:
        context.minimum_version, context.maximum_version = min(versions), max(versions)
    return context
