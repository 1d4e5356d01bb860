"""Where code comes from: what Code and Content of a request may be."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from lambdad.errors import ClientError
from lambdad.model.deployment_package import validate_zip
from lambdad.model.function import Code
from lambdad.services.lambda_.control_plane import ControlPlane


async def keep_code(control: ControlPlane, source: Mapping[str, Any]) -> Code:
    """Validate and keep a package; it is on disk before whatever names it."""
    for member in ("S3Bucket", "S3Key", "S3ObjectVersion", "S3ObjectStorageMode"):
        if source.get(member):
            raise _invalid(f"lambdad does not support the parameter {member} yet.")
    content = source.get("ZipFile")
    if content is None:
        raise _invalid("Please provide a source for the code.")
    await asyncio.to_thread(validate_zip, content)
    return Code(sha256=await control.blobs.put(content), size=len(content))


def _invalid(message: str) -> ClientError:
    return ClientError("InvalidParameterValueException", message)
