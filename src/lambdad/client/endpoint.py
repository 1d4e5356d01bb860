"""Reach a service that is not ours, at an endpoint of the operator's choice, through botocore.

botocore waits where asyncio must not: each endpoint has threads of its own, few enough that a slow
one occupies no thread that others need. Credentials are those of the server's own AWS_* variables;
without credentials requests are not signed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import quote

import botocore.session
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ParamValidationError, ValidationError
from botocore.exceptions import ClientError as ServiceError
from botocore.response import StreamingBody

from lambdad.client.failures import passes
from lambdad.errors import ClientError, PlatformError

THREADS = 4
CONNECT_SECONDS = 5
READ_SECONDS = 20
_REGIONS = 16  # whose clients are kept; who names more of them waits while one is made
_DEFAULT_REGION = "us-east-1"
_TRACE_CHARACTERS = "-=;:+&[]{}\"',"  # what a trace header may hold as it is

R = TypeVar("R")


class Endpoint:
    """A service at a URL: AWS's own, or any other that speaks its protocol."""

    def __init__(self, service: str, url: str) -> None:
        self._service = service
        self._url = url
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=service)
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()
        self._sending = threading.local()

    async def call(
        self, operation: str, parameters: Mapping[str, Any], region: str, trace_header: str = ""
    ) -> dict[str, Any]:
        """What the service answers; see Client.call. A body that is streamed is read whole."""
        return await self.run(self._call, operation, parameters, region, trace_header)

    async def run(self, function: Callable[..., R], *arguments: Any) -> R:
        """Run what uses a client in a thread; its failures become ours."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, function, *arguments)
        except ServiceError as error:
            raise self._translated(error) from None
        except (ParamValidationError, ValidationError) as error:
            raise ClientError("ValidationException", str(error)) from None
        except (BotoCoreError, OSError) as error:
            raise PlatformError(f"The {self._name} endpoint gave no answer: {error}") from error

    def client(self, region: str | None = None) -> Any:
        """botocore's client of a region, or of the server's own. It is made when it is first
        needed: botocore takes its time, and memory. To be used in `run`."""
        with self._making:
            region = region or self._session.get_config_variable("region") or _DEFAULT_REGION
            if region not in self._clients:
                if len(self._clients) >= _REGIONS:
                    del self._clients[next(iter(self._clients))]
                self._clients[region] = self._made_client(region)
            return self._clients[region]

    def close(self) -> None:
        """Begin nothing more; what is being sent or read may end by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _session(self) -> botocore.session.Session:
        return botocore.session.get_session()

    @property
    def _name(self) -> str:
        return self._service.upper()

    def _made_client(self, region: str) -> Any:
        is_signed = self._session.get_credentials() is not None
        config = Config(
            signature_version=None if is_signed else UNSIGNED,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"total_max_attempts": 2, "mode": "standard"},
            max_pool_connections=THREADS,
            request_checksum_calculation="when_required",  # not every store has checksums
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        )
        client = self._session.create_client(
            self._service, region_name=region, endpoint_url=self._url, config=config
        )
        client.meta.events.register("before-call", self._add_trace_header)
        return client

    def _call(
        self, operation: str, parameters: Mapping[str, Any], region: str, trace_header: str
    ) -> dict[str, Any]:
        self._sending.trace_header = trace_header
        answer = getattr(self.client(region), xform_name(operation))(**parameters)
        return {
            member: value.read() if isinstance(value, StreamingBody) else value
            for member, value in answer.items()
            if member != "ResponseMetadata"
        }

    def _add_trace_header(self, params: dict[str, Any], **_: Any) -> None:
        """Tell whose doing the request is that this thread is about to send."""
        if header := getattr(self._sending, "trace_header", ""):
            params["headers"]["X-Amzn-Trace-Id"] = quote(header, safe=_TRACE_CHARACTERS)

    def _translated(self, error: ServiceError) -> ClientError | PlatformError:
        code = str(error.response["Error"].get("Code", ""))
        message = str(error.response["Error"].get("Message", ""))
        status = int(error.response["ResponseMetadata"].get("HTTPStatusCode", 400))
        if passes(code, status):
            return PlatformError(f"The {self._name} endpoint has failed: {code}: {message}")
        return ClientError(code, message)
