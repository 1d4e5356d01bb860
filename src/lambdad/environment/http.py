"""The small HTTP server behind each environment's Runtime API.

One connection answers one request at a time, in order; an answer may be a long time coming
(`next` waits for an event). What comes in is bounded: a function may be hostile. A body is
collected, or goes into a stream as it comes, and is read no faster than that is.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import httptools

from lambdad.model.pieces import add_piece
from lambdad.model.response_stream import ResponseStream

# The official clients send the cause of a failure, with its stack, in a header of up to 1 MiB.
MAX_HEADER_BYTES = 1_114_112
_TCP_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_MAX_HELD = 16  # pieces: heads and bodies of answers; a runtime sends two requests at once
_MAX_HEADERS = 100
_REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    413: "Payload Too Large",
}


class Request(Protocol):
    """One request, read to its end."""

    method: str
    path: str
    body: bytes  # empty when it went into a stream
    is_too_large: bool  # `body` is then empty

    @property
    def headers(self) -> dict[str, str]:
        """Names are in lower case."""

    @property
    def trailers(self) -> dict[str, str]:
        """The headers that came behind the body."""

    def header(self, name: bytes) -> str:
        """One of the headers, its name in lower case; "" when it is not there."""

    def answer(self, status: int, body: bytes, headers: str = "") -> None:
        """Send the answer; `headers` are whole lines."""

    def cut_off(self) -> None:
        """Hear no more of its body: the connection ends behind the answer."""


class Routes(Protocol):
    """What a connection hands its requests to."""

    max_body: int

    def open_stream(self, request: Request) -> ResponseStream | None:
        """The head of a request is here: where its body goes; None when it is to be collected."""

    def handle(self, request: Request) -> None:
        """Answer now or later."""

    def lost(self, request: Request | None) -> None:
        """The connection ended; `request` is the one that was still waiting for its answer, or
        whose body streamed."""


class Send(Protocol):
    """How a connection's answers go out: in order, now or at the end of the loop's turn."""

    def __call__(
        self, transport: asyncio.Transport, pieces: Sequence[bytes], *, is_last: bool = False
    ) -> None:
        """Send the pieces; close the transport behind the last."""


def send_at_once(
    transport: asyncio.Transport, pieces: Sequence[bytes], *, is_last: bool = False
) -> None:
    """Send without waiting for others."""
    for piece in pieces:
        transport.write(piece)
    if is_last:
        transport.close()


def forget_nothing(connection: Connection) -> None:
    """What a connection calls at its end when nobody keeps it."""


class Connection(asyncio.Protocol):
    """One connection of a sandbox; also the `Request` that it currently serves."""

    def __init__(
        self,
        routes: Routes,
        forget: Callable[[Connection], None] = forget_nothing,
        send: Send = send_at_once,
    ) -> None:
        self._routes = routes
        self._send_pieces = send
        self._forget = forget
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._is_answered = True
        self._is_keep_alive = True
        self._is_reading = False
        self._held: list[bytes] = []
        self._without_progress = 0  # bytes that were neither body nor the end of a request
        self._chunks: list[bytes] = []
        self._body_bytes = 0
        self._url = b""
        self.method = ""
        self.path = ""
        self._fields: list[tuple[bytes, bytes]] = []
        self._head_fields = 0  # so many of them; the others are trailers
        self._stream: ResponseStream | None = None
        self._is_waiting_for_room = False
        self._is_writing_paused = False
        self._is_cut_off = False
        self._is_receiving = False  # a body whose end has not come
        self.body = b""
        self.is_too_large = False

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._forget(self)
        is_under_way = not self._is_answered or self._stream is not None
        self._routes.lost(self if is_under_way else None)

    def data_received(self, data: bytes) -> None:
        if self._is_cut_off:
            return
        self._without_progress += len(data)
        self._is_reading = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.close()
        self._is_reading = False
        if self._is_answered:
            self._send()
        if self._is_receiving:
            self._acknowledge_at_once()
        if self._without_progress > MAX_HEADER_BYTES:
            self.close()

    def pause_writing(self) -> None:
        """Who does not read answers is not heard."""
        self._is_writing_paused = True
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        self._resume_reading()

    def close(self) -> None:
        """End the connection."""
        self._send(is_last=True)

    # httptools

    def on_message_begin(self) -> None:
        if not self._is_answered:
            raise ValueError("a request was sent before the last one was answered")
        if len(self._held) >= _MAX_HELD:  # it would be held with all of them, in a moment's work
            raise ValueError("too many requests were sent in one piece")
        self._body_bytes = 0
        self._chunks = []
        self._url = b""
        self._fields = []
        self.is_too_large = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self._fields) >= _MAX_HEADERS:  # each takes far more memory here than on its way
            raise ValueError("a request has too many headers")
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self.method = self._parser.get_method().decode("latin-1")
        self.path = self._url.decode("latin-1")
        self._head_fields = len(self._fields)
        self._is_receiving = True
        if self.header(b"expect").lower() == "100-continue" and self._transport is not None:
            self._transport.write(_CONTINUE)  # curl waits for it before what streams or is large
        self._stream = self._routes.open_stream(self)

    def on_body(self, chunk: bytes) -> None:
        self._without_progress = 0
        if self._is_cut_off:
            return
        if self._stream is not None:
            self._feed(self._stream, chunk)
            return
        self._body_bytes += len(chunk)
        if self._body_bytes > self._routes.max_body:
            self.is_too_large = True
            self._chunks = []
        else:
            add_piece(self._chunks, chunk)

    def on_message_complete(self) -> None:
        if self._is_cut_off:
            return
        self._without_progress = 0
        self._is_receiving = False
        self._stream = None
        self.body = b"" if self.is_too_large else b"".join(self._chunks)
        self._chunks = []  # megabytes, which would stay until the next request
        self._is_keep_alive = self._parser.should_keep_alive()
        self._is_answered = False
        self._routes.handle(self)

    # Request

    @property
    def headers(self) -> dict[str, str]:
        """Decoded when somebody asks, which is when a function has failed."""
        return _decoded(self._fields[: self._head_fields])

    @property
    def trailers(self) -> dict[str, str]:
        return _decoded(self._fields[self._head_fields :])

    def header(self, name: bytes) -> str:
        """One of the headers."""
        for each, value in self._fields[: self._head_fields]:
            if each.lower() == name:
                return value.decode("latin-1")
        return ""

    def answer(self, status: int, body: bytes, headers: str = "") -> None:
        """Send the answer of the current request."""
        self._is_answered = True
        self.body = b""
        if self._transport is None:
            return
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        )
        self._held += (head.encode("latin-1", "replace"), body)
        if not self._is_reading:
            self._send()
        if not self._is_keep_alive:
            self.close()

    def _acknowledge_at_once(self) -> None:
        """Some clients send the next piece of a body only when the last one is acknowledged, which
        the kernel would do some 40 ms later."""
        if self._transport is not None:
            connection = self._transport.get_extra_info("socket")
            if connection is not None and connection.family in _TCP_FAMILIES:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _feed(self, stream: ResponseStream, chunk: bytes) -> None:
        stream.feed(chunk)
        if self._is_cut_off or self._is_waiting_for_room or self._transport is None:
            return
        if stream.is_full:
            self._is_waiting_for_room = True
            self._transport.pause_reading()
            stream.when_room(self._has_room)

    def _has_room(self) -> None:
        self._is_waiting_for_room = False
        self._resume_reading()

    def _resume_reading(self) -> None:
        if self._is_waiting_for_room or self._is_writing_paused:
            return
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def cut_off(self) -> None:
        """Hear no more of it."""
        self._is_cut_off = True
        self._is_keep_alive = False
        self._is_receiving = False
        self._stream = None

    def _send(self, *, is_last: bool = False) -> None:
        """Send what is held.

        A runtime may send an answer and its next question in one piece. It then waits for the
        second answer, which comes with the next event; until then the first would only wake it.
        """
        held, self._held = self._held, []
        if self._transport is not None and (held or is_last):
            self._send_pieces(self._transport, (b"".join(held),) if held else (), is_last=is_last)


def _decoded(fields: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in fields}
