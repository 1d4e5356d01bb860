"""Reach a service that is not ours, at an endpoint of the operator's choice, through botocore.

botocore waits where asyncio must not: each client works in threads of its own, few enough that a
slow endpoint occupies no thread that others need. Credentials and region are those of the server's
own AWS_* variables; without credentials requests are not signed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar

import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.exceptions import ClientError as ServiceError

from lambdad.errors import ClientError, PlatformError

CHUNK = 1 << 20
THREADS = 4
CONNECT_SECONDS = 5
READ_SECONDS = 20
_DEFAULT_REGION = "us-east-1"

R = TypeVar("R")


class ObjectStore:
    """An S3 endpoint: AWS's own, or any other that speaks its protocol."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="s3")

    async def get(
        self, bucket: str, key: str, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The object's bytes, as they arrive.

        A ClientError is what S3 answered, in its code and message; a PlatformError says that there
        was no answer.
        """
        body = await self._run(self._open, bucket, key, version)
        try:
            while chunk := await self._run(body.read, CHUNK):
                yield chunk
        finally:
            body.close()

    def close(self) -> None:
        """Begin nothing more; what is being read may end by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _client(self) -> Any:
        """Made when it is first needed: botocore takes its time, and memory."""
        session = botocore.session.get_session()
        is_signed = session.get_credentials() is not None
        config = Config(
            signature_version=None if is_signed else UNSIGNED,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=THREADS,
            response_checksum_validation="when_required",  # not every store has checksums
            s3={"addressing_style": "path"},
        )
        return session.create_client(
            "s3",
            region_name=session.get_config_variable("region") or _DEFAULT_REGION,
            endpoint_url=self._endpoint_url,
            config=config,
        )

    def _open(self, bucket: str, key: str, version: str | None) -> Any:
        which = {"Bucket": bucket, "Key": key, **({"VersionId": version} if version else {})}
        return self._client.get_object(**which)["Body"]

    async def _run(self, function: Callable[..., R], *arguments: Any) -> R:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, function, *arguments)
        except ServiceError as error:
            raise _translated(error) from None
        except (BotoCoreError, OSError) as error:
            raise PlatformError(f"The S3 endpoint gave no answer: {error}") from error


def _translated(error: ServiceError) -> ClientError | PlatformError:
    code = str(error.response["Error"].get("Code", ""))
    message = str(error.response["Error"].get("Message", ""))
    if int(error.response["ResponseMetadata"].get("HTTPStatusCode", 400)) >= 500:
        return PlatformError(f"The S3 endpoint has failed: {code}: {message}")
    return ClientError(code, message)
