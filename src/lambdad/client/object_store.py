"""Objects of S3, read as they arrive: they may be larger than what should lie in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from lambdad.client.endpoint import Endpoint

CHUNK = 1 << 20


class ObjectStore:
    """An S3 endpoint: AWS's own, or any other that speaks its protocol."""

    def __init__(self, url: str) -> None:
        self._endpoint = Endpoint("s3", url)  # of its own: a large object keeps a thread for long

    async def get(
        self, bucket: str, key: str, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The object's bytes, as they arrive.

        A ClientError is what S3 answered, in its code and message; a PlatformError says that there
        was no answer.
        """
        body = await self._endpoint.run(self._open, bucket, key, version)
        try:
            while chunk := await self._endpoint.run(body.read, CHUNK):
                yield chunk
        finally:
            body.close()

    def close(self) -> None:
        """Begin nothing more; what is being read may end by itself."""
        self._endpoint.close()

    def _open(self, bucket: str, key: str, version: str | None) -> Any:
        which = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
        return self._endpoint.client().get_object(**which)["Body"]
