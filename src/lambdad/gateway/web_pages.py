"""Requests that a web page makes with somebody's browser.

The server listens on loopback and authenticates nobody yet, and a browser on this machine reaches
it. No program that speaks to AWS looks like a page: a browser names the page's origin, and a page
that has had its own name point here (DNS rebinding) is still asked for by that name. What a page
asks of its own origin has no Origin header if it only reads; a browser tells all the same where
from.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from lambdad.gateway.http import Request

# Names that nobody else can have: of this machine, and AWS's own.
_SAFE_ENDINGS = (".localhost", ".amazonaws.com", ".amazonaws.com.cn", ".api.aws")

_FROM = b"sec-fetch-site"
_BY_HAND = b"none"  # somebody has typed the address


def is_from_a_web_page(request: Request) -> bool:
    """Whether a page in a browser may stand behind this request."""
    if b"origin" in request.headers or request.headers.get(_FROM, _BY_HAND) != _BY_HAND:
        return True
    return not _is_safe(request.headers.get(b"host", b""))


@lru_cache(maxsize=64)  # on the hot path, and nearly always the same few
def _is_safe(host: bytes) -> bool:
    """Whether no stranger can make this name point at us; one without a dot is local."""
    try:
        name = urlsplit(f"//{host.decode('latin-1')}").hostname or ""
    except ValueError:
        return False
    return "." not in name.rstrip(".") or name.endswith(_SAFE_ENDINGS) or _is_loopback(name)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
