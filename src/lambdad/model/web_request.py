"""A request from the web and its answer, as a function URL sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

# Headers that a connection has for itself: they end where it does, in both directions.
OF_THE_CONNECTION = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One HTTP request, read whole.

    Names of headers are in lower case; one that was sent several times is joined by `,`, and
    `cookie` by `; `. `raw_path` and `raw_query` are percent-encoded, as they were sent. `host` is
    the domain name without a port; scheme and port are those by which the client has come.
    """

    method: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    host: str
    source_ip: str
    protocol: str = "HTTP/1.1"
    scheme: str = "http"
    port: int = 80


@dataclass(frozen=True, slots=True)
class WebResponse:
    """The answer. Names of headers are in lower case, and only `set-cookie` may repeat. A body
    that comes to be while it is sent is a `stream`, which must be read to its end; one that breaks
    off raises ResponseBrokenOff."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
