"""Request bodies that come compressed, where the service's model says that they may."""

from __future__ import annotations

import zlib

from lambdad.errors import ClientError
from lambdad.gateway.body import BodyTooLargeError
from lambdad.gateway.http import Request
from lambdad.gateway.models import ServicePlan

GZIP = "gzip"
_GZIP_WINDOW = zlib.MAX_WBITS | 16


def check_encoding(request: Request, service: ServicePlan, operation: str) -> None:
    """Raise UnsupportedMediaTypeException if this operation's body may not be encoded so."""
    encoding = _encoding(request)
    if encoding == "identity":
        return
    compression = service.model.operation_model(operation).request_compression or {}
    if encoding != GZIP or GZIP not in compression.get("encodings", []):
        raise ClientError(
            "UnsupportedMediaTypeException",
            f"The content encoding '{encoding}' is not supported; send the body as it is.",
            status=415,
        )


def inflate(request: Request, limit: int) -> None:
    """Put what a compressed body says in its place; BodyTooLargeError if that is more than `limit`
    bytes, of which not more are made."""
    if _encoding(request) != GZIP or request.is_inflated:
        return
    inflater = zlib.decompressobj(_GZIP_WINDOW)
    try:
        content = inflater.decompress(request.body, limit + 1)
    except zlib.error:
        content = b""
    if len(content) > limit:
        raise BodyTooLargeError
    if not inflater.eof:
        raise ClientError("SerializationException", "The body is no gzip, or is cut off.")
    request.body, request.is_inflated = content, True


def _encoding(request: Request) -> str:
    return (request.header(b"content-encoding") or "identity").lower()
