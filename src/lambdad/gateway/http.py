"""A request and a response, as small as the gateway needs them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import httptools

from lambdad.errors import ClientError
from lambdad.gateway.body import Body, BodyTooLargeError
from lambdad.model.caller import Caller

Headers = dict[bytes, bytes]  # names in lower case

MAX_FIELDS = 10_000  # of a query string or form; AWS's longest requests have a few hundred
_FORM = b"application/x-www-form-urlencoded"
_AUTHORITY = re.compile(rb"[^:/?#]+://([^/?#]*)")
_WITHOUT_BODY = frozenset({204, 304})
_NOT_IN_A_NAME = re.compile(r"[^!#$%&'*+.^_`|~0-9A-Za-z-]")


class Request:
    """One HTTP request; its body is read when somebody asks for it, and never beyond a limit.

    `caller` is whose listener it came in on, None on the front door. `scheme` (`http`, `https`) and
    `server`, an address, are how it came in, `client` is the address that it came from.
    `keeps_alive` says whether the client may send another one after it.
    """

    __slots__ = (
        "_content",
        "_form",
        "_is_read",
        "_query",
        "_server",
        "body",
        "caller",
        "client",
        "headers",
        "is_inflated",
        "keeps_alive",
        "labels",
        "method",
        "protocol",
        "query_string",
        "raw_path",
        "scheme",
    )

    def __init__(
        self,
        method: str,
        target: bytes,
        headers: Headers,
        content: Body,
        *,
        caller: Caller | None = None,
        scheme: str = "http",
        server: tuple[str, int] = ("127.0.0.1", 80),
        client: str = "",
        protocol: str = "HTTP/1.1",
        keeps_alive: bool = True,
    ) -> None:
        raw_path, self.query_string = _split(target, headers)
        self.method = method
        self.raw_path = raw_path.decode("ascii")
        self.headers = headers
        self.caller = caller
        self.scheme = scheme
        self.client = client
        self.protocol = protocol
        self.keeps_alive = keeps_alive
        self.labels: dict[str, str] = {}  # set by the router: the decoded labels of the path
        self.body = b""
        self._content = content
        self._is_read = False
        self.is_inflated = False  # the body was compressed, and is not any more
        self._server = server
        self._query: dict[str, list[str]] | None = None
        self._form: dict[str, list[str]] | None = None

    def header(self, name: bytes) -> str | None:
        """The header called `name` (in lower case), or None."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.raw_path) if "%" in self.raw_path else self.raw_path

    @property
    def query(self) -> dict[str, list[str]]:
        """The query string's fields, decoded."""
        if self._query is None:
            self._query = parse_fields(self.query_string) if self.query_string else {}
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
        if not self._is_read:
            if _declared_length(self.headers) > limit:
                raise BodyTooLargeError
            self.body = await self._content.read(limit)
            self._is_read = True
        if len(self.body) > limit:
            raise BodyTooLargeError

    @property
    def endpoint_url(self) -> str:
        """The address that the client used, as its Host header says."""
        host = self.header(b"host")
        if host is None:
            host = f"{self._server[0]}:{self._server[1]}"
        return f"{self.scheme}://{host}"


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


def _split(target: bytes, headers: Headers) -> tuple[bytes, bytes]:
    """Path and query string of a request's target, which is nearly always just these. One that
    names a host names the same as the header: who means two things at once is not understood."""
    if target.startswith(b"/") and b"#" not in target:
        path, _, query = target.partition(b"?")
        return path, query
    url = httptools.parse_url(target)
    named = _AUTHORITY.match(target)
    if named and headers.setdefault(b"host", named[1]).lower() != named[1].lower():
        raise ValueError("a request's target and its Host header name different hosts")
    return url.path or b"/", url.query or b""


def _declared_length(headers: Headers) -> int:
    text = headers.get(b"content-length", b"")
    return int(text) if text.isdigit() and len(text) < 20 else 0


@dataclass(slots=True)
class Response:
    """What goes back. Header values are text; `head` makes them fit for the wire.

    `cookies` are the values of as many set-cookie headers. A body that comes to be while it is
    sent is a `stream`, and `body` empty: it must be read to its end, or it is not over. One that
    `ends_with_client` has no end of its own: it is over when nobody listens any more.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cookies: Sequence[str] = ()
    stream: AsyncIterator[bytes] | None = None
    ends_with_client: bool = False

    def head(self, date_line: str, *, is_last: bool, is_chunked: bool = False) -> bytes:
        """Everything before the body; the client is told when the connection ends with it."""
        lines = [_status_line(self.status), date_line]
        for name, value in self.headers.items():
            lines.append(f"{_field_name(name)}: {_field_value(value)}\r\n")
        for cookie in self.cookies:
            lines.append(f"set-cookie: {_field_value(cookie)}\r\n")
        if is_chunked:
            lines.append("transfer-encoding: chunked\r\n")
        elif self.has_body and self.stream is None:
            lines.append(f"content-length: {len(self.body)}\r\n")
        if is_last:
            lines.append("connection: close\r\n")
        lines.append("\r\n")
        return "".join(lines).encode("latin-1", "replace")

    @property
    def has_body(self) -> bool:
        """Whether HTTP lets a body follow."""
        return self.status not in _WITHOUT_BODY


async def close_stream(stream: AsyncIterator[Any]) -> None:
    """Nobody reads on: let it end what it has begun."""
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:  # a function may answer with one that nobody has a word for
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n"


@lru_cache(maxsize=256)
def _field_name(name: str) -> str:
    return _NOT_IN_A_NAME.sub("-", name).lower()


def _field_value(text: str) -> str:
    """`text` as one header line: what could end the line becomes `?`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else "?" for c in text)
