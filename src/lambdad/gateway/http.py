"""A request and a response, as small as the gateway needs them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from lambdad.errors import ClientError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_FIELDS = 10_000  # of a query string or form; AWS's longest requests have a few hundred
_FORM = b"application/x-www-form-urlencoded"

log = logging.getLogger(__name__)


class ClientDisconnected(Exception):
    """The caller hung up before the request was complete; there is nobody to answer."""


class BodyTooLargeError(Exception):
    """The body is longer than the operation allows; no more of it has been read."""


class Request:
    """One HTTP request; its body is read when somebody asks for it, and never beyond a limit."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.method: str = scope["method"]
        self.raw_path: str = scope["raw_path"].decode("latin-1")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])  # names in lower case
        self.labels: dict[str, str] = {}  # set by the router: the decoded labels of the path
        self.body = b""
        self._receive: Receive | None = receive
        self._query: dict[str, list[str]] | None = None
        self._form: dict[str, list[str]] | None = None

    def header(self, name: bytes) -> str | None:
        """The header called `name` (in lower case), or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def query(self) -> dict[str, list[str]]:
        """The query string's fields, decoded."""
        if self._query is None:
            text = self.scope["query_string"]
            self._query = parse_fields(text) if text else {}
        return self._query

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields of the query string and of the form in the body, which must have been read."""
        if self._form is None:
            self._form = self.query | parse_fields(self.body) if self.is_form else self.query
        return self._form

    @property
    def is_form(self) -> bool:
        return self.headers.get(b"content-type", b"").lower().startswith(_FORM)

    async def read_body(self, limit: int) -> None:
        """Read the body, once; more than `limit` bytes are an error and are not kept."""
        if self._receive is not None:
            if _declared_length(self.headers) > limit:
                raise BodyTooLargeError
            self.body = await _read_all(self._receive, limit)
            self._receive = None
        if len(self.body) > limit:
            raise BodyTooLargeError

    @property
    def endpoint_url(self) -> str:
        """The address that the client used, as its Host header says."""
        host = self.header(b"host")
        if host is None:
            host, port = self.scope.get("server") or ("127.0.0.1", None)
            host = f"{host}:{port}" if port else host
        return f"{self.scope.get('scheme', 'http')}://{host}"


def parse_fields(text: bytes) -> dict[str, list[str]]:
    """Read `a=1&b=2&a=3`; a caller's mistake in it is a ClientError."""
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise ClientError(
            "SerializationException", "The query string or form is not well-formed.", status=400
        ) from None
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def _declared_length(headers: dict[bytes, bytes]) -> int:
    text = headers.get(b"content-length", b"")
    return int(text) if text.isdigit() and len(text) < 20 else 0


async def _read_all(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return bytes(message.get("body", b""))
    chunks: list[bytes] = []
    length = 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        chunk = message.get("body", b"")
        chunks.append(chunk)
        length += len(chunk)
        if length > limit:
            raise BodyTooLargeError
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


@dataclass(slots=True)
class Response:
    """What goes back. Header values are text; `send` makes them fit for the wire."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    async def send(self, send: Send) -> None:
        """Send head and body."""
        headers = [(_header_name(name), _header_value(v)) for name, v in self.headers.items()]
        if self.status not in (204, 304):
            headers.append((b"content-length", b"%d" % len(self.body)))
        else:
            self.body = b""
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def _header_name(name: str) -> bytes:
    return name.encode("ascii")


def _header_value(text: str) -> bytes:
    """`text` as one header line: what could end the line or is not Latin-1 becomes `?`."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if c.isprintable() or c == "\t" else "?" for c in text)
    return text.encode("latin-1", "replace")
