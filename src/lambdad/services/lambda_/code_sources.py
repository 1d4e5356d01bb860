"""Where code comes from: a zip in the request, an object in S3, or a container image.

A package is validated to its last byte and on disk before anything names it. Of an image only the
name is kept.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from lambdad.errors import ClientError, PlatformError, invalid_parameter
from lambdad.model.caller import RequestContext
from lambdad.model.deployment_package import validate_zip
from lambdad.model.function import Code
from lambdad.model.limits import CODE_UNZIPPED, CODE_ZIPPED
from lambdad.services.lambda_.control_plane import ControlPlane

FETCH_SECONDS = 300
NO_SOURCE = "Please provide a source for function code."

_IMAGE_URI = re.compile(
    r"[a-zA-Z0-9.-]+(:[0-9]+)?(/[a-z0-9._-]+)+(:[a-zA-Z0-9_.-]{1,128})?"
    r"(@sha256:(?P<digest>[0-9a-f]{64}))?"
)
_S3_MEMBERS = ("S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode")


async def keep_code(control: ControlPlane, source: Mapping[str, Any]) -> Code:
    """Validate and keep the package that `source` gives or names: ZipFile, or S3Bucket with S3Key
    and S3ObjectVersion. Other members of `source` do not matter."""
    check_source(source)
    if source.get("S3Bucket"):
        sha256, size = await _fetch(control, source)
    else:
        content = await _validated(source.get("ZipFile"))
        sha256, size = await control.blobs.put(content), len(content)
    return Code(
        sha256,
        size,
        source_kms_key_arn=source.get("SourceKMSKeyArn") or None,
        s3_object=_referenced_object(source),
    )


def image_code(source: Mapping[str, Any]) -> Code:
    """The container image that `source` names. It is not pulled, so its digest is known only if
    the URI says it."""
    uri = source.get("ImageUri", "")
    found = _IMAGE_URI.fullmatch(uri)
    if found is None:
        raise invalid_parameter(f"Source image {uri} is not valid. Provide a valid source image.")
    return Code(found["digest"] or "", 0, image_uri=uri)


def check_source(source: Mapping[str, Any]) -> None:
    """Refuse what names no package, or two."""
    names_object = any(source.get(member) for member in _S3_MEMBERS)
    if "ZipFile" in source and names_object:
        raise invalid_parameter(
            "Please do not provide other FunctionCode parameters when providing a ZipFile."
        )
    if names_object and not (source.get("S3Bucket") and source.get("S3Key")):
        raise invalid_parameter(f"{NO_SOURCE} An object in S3 is named by both S3Bucket and S3Key.")


def refuse_environments(context: RequestContext, source: Mapping[str, Any]) -> None:
    """The server's own credentials fetch from S3, and functions are not to borrow them."""
    if context.caller.environment_id is not None and source.get("S3Bucket"):
        raise ClientError(
            "AccessDeniedException",
            "A function cannot deploy code from S3: it would be fetched with the server's "
            "credentials. Read the object in the function, and give it as ZipFile.",
            status=403,
        )


async def _validated(content: bytes | None) -> bytes:
    if content is None:
        raise invalid_parameter(NO_SOURCE)
    if len(content) > CODE_ZIPPED:
        raise invalid_parameter(f"Zipped size must be smaller than {CODE_ZIPPED} bytes")
    await asyncio.to_thread(validate_zip, content)
    return content


async def _fetch(control: ControlPlane, source: Mapping[str, Any]) -> tuple[str, int]:
    """Bring an object into the blob store; its digest and size."""
    if control.objects is None:
        raise invalid_parameter(
            "Error occurred while GetObject. No S3 endpoint is known to this server: name one with "
            "the setting s3_endpoint (lambdad serve --s3-endpoint URL), or give a ZipFile."
        )
    chunks = control.objects.get(source["S3Bucket"], source["S3Key"], source.get("S3ObjectVersion"))
    try:
        async with asyncio.timeout(FETCH_SECONDS), aclosing(_bounded(chunks)) as bounded:
            return await control.blobs.receive(bounded, validate_zip)
    except TimeoutError:
        raise _failed(f"The object did not arrive within {FETCH_SECONDS} seconds.") from None
    except PlatformError as error:
        raise _failed(str(error)) from error


async def _bounded(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The object, as long as it can be a package."""
    size = 0
    async with aclosing(chunks):
        while chunk := await _next(chunks):
            size += len(chunk)
            if size > CODE_UNZIPPED:
                raise invalid_parameter(f"Unzipped size must be smaller than {CODE_UNZIPPED} bytes")
            yield chunk


async def _next(chunks: AsyncGenerator[bytes, None]) -> bytes:
    """What comes next, and nothing at the end; what S3 refuses is told in Lambda's words."""
    try:
        return await anext(chunks, b"")
    except ClientError as error:
        raise invalid_parameter(
            f"Error occurred while GetObject. S3 Error Code: {error.code}. "
            f"S3 Error Message: {error.message}"
        ) from None


def _referenced_object(source: Mapping[str, Any]) -> dict[str, str] | None:
    """The object that stays the function's source, as far as anybody is told."""
    if source.get("S3ObjectStorageMode") != "REFERENCE":
        return None
    return {
        member: source[member]
        for member in ("S3Bucket", "S3Key", "S3ObjectVersion")
        if source.get(member)
    }


def _failed(reason: str) -> ClientError:
    return ClientError("ServiceException", f"Error occurred while GetObject. {reason}", status=500)
