"""The id of a request, which its answer and its log lines carry."""

from __future__ import annotations

import os

_VARIANT = "89ab"  # two random bits behind RFC 9562's two


def make_request_id() -> str:
    """A random UUID as text; `uuid.uuid4` makes it by way of an integer and an object."""
    digits = os.urandom(16).hex()
    variant = _VARIANT[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
