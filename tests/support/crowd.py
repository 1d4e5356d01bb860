"""Many at once: requests that are sent together, each on a connection of its own.

boto3 has a thread for each; a thousand of them would be what is measured.
"""

from __future__ import annotations

import asyncio
import json
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction

_CREDENTIAL = "test/20260101/us-east-1/lambda/aws4_request"
_AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={_CREDENTIAL}, "
    f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
)
_PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Response:
    """What came back on one connection; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether the function ran and did not fail."""
        return self.status == 200 and "x-amz-function-error" not in self.headers

    @property
    def value(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Crowd:
    """Connections to one server, all open before the first request is sent."""

    def __init__(self, server: LocalServer) -> None:
        url = urlsplit(server.url)
        self._address = (str(url.hostname), int(url.port or 80))

    def invoke(self, function: DeployedFunction, events: Sequence[Any]) -> list[Response]:
        """Invoke once for each event, all at the same time."""
        path = f"/2015-03-31/functions/{function.name}/invocations"
        return self.exchange([_request("POST", path, json.dumps(e).encode()) for e in events])

    def look(self, path: str, times: int) -> list[Response]:
        """GET a path so many times, all at the same time."""
        return self.exchange([_request("GET", path)] * times)

    def exchange(self, requests: Sequence[bytes]) -> list[Response]:
        """The answer to each request; OSError or EOFError when one gets none."""
        with _many_descriptors():
            return asyncio.run(self._exchange(requests))

    async def _exchange(self, requests: Sequence[bytes]) -> list[Response]:
        streams = []
        try:
            for _ in requests:  # one after the other, so that none finds the backlog full
                streams.append(await asyncio.open_connection(*self._address))
            async with asyncio.timeout(_PATIENCE_SECONDS):
                for (_, writer), request in zip(streams, requests, strict=True):
                    writer.write(request)
                return await asyncio.gather(*(_receive(reader) for reader, _ in streams))
        finally:
            for _, writer in streams:
                writer.close()
            await asyncio.gather(*(w.wait_closed() for _, w in streams), return_exceptions=True)


async def _receive(reader: asyncio.StreamReader) -> Response:
    head = await reader.readuntil(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").rstrip().split("\r\n")
    fields = (line.split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in fields}
    body = await reader.readexactly(int(headers["content-length"]))
    return Response(int(status_line.split(" ")[1]), headers, body)


def _request(method: str, path: str, payload: bytes = b"") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: {_AUTHORIZATION}",
        "X-Amz-Date: 20260101T000000Z",
        f"Content-Length: {len(payload)}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + payload


@contextmanager
def _many_descriptors() -> Iterator[None]:
    """As many as this process may have; programs are often started with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
