"""One connection of the front door: HTTP/1.1 in, requests to the app, answers out in order.

    bytes ──▶ httptools ──▶ Request ──▶ app ──▶ Response ──▶ bytes
                  │  the next ones wait in a queue   ▲
                  └──▶ Body ── read by the app ──────┘

The head is bounded here, the body by who reads it. While requests wait, or a body lies here that
nobody reads, the connection is not read from; while answers lie unsent, no other is written.

An answer may be a stream: it is written while it comes to be, and no faster than the client reads.
A client that is gone ends no stream: what it was promised runs to its end, and is dropped.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import cast

import httptools

from lambdad.gateway.body import Body
from lambdad.gateway.http import Headers, Request, Response
from lambdad.gateway.outbox import Outbox
from lambdad.model.caller import Caller
from lambdad.model.response_stream import ResponseBrokenOff

# Answers a request; None when there is nobody to answer any more.
App = Callable[[Request], Awaitable[Response | None]]

HEAD_LIMIT = 64 * 1024  # bytes of request line and headers, or a little more
WAITING_LIMIT = 1_000  # requests behind the one being answered; few clients send any
_PIECE = 16 * 1024  # bytes that are parsed at once: what has been, is bounded between them
LAST_CHUNK = b"0\r\n\r\n"
_SEPARATE = {b"cookie": b"; "}  # what stands between the values of a header sent several times
_ONCE = frozenset({b"content-length", b"host"})  # who sends these twice means two things at once
_RESET = struct.pack("ii", 1, 0)  # what is not sent yet is dropped, and the client told
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BAD_REQUEST = Response(400, {"content-type": "text/plain"}, b"Invalid HTTP request received.")
_TOO_LARGE = Response(431)
_FAILURE = Response(500, {"content-type": "text/plain"}, b"Internal Server Error")

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Pulse:
    """What changes once a second: a clock for idle connections, and the Date header."""

    seconds: int = 0
    date_line: str = ""


class Connections:
    """The connections of one listener, and what they have in common.

    `caller` is whose listener it is, None for the front door. `is_empty` waits for answers too
    whose connection is gone.
    """

    def __init__(
        self, app: App, pulse: Pulse, outbox: Outbox, caller: Caller | None, limit: int
    ) -> None:
        self.app = app
        self.pulse = pulse
        self.outbox = outbox
        self.caller = caller
        self.is_empty = asyncio.Event()
        self.is_empty.set()
        self._limit = limit
        self._open: set[Connection] = set()
        self._busy: set[Connection] = set()

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._open))

    def add(self, connection: Connection) -> bool:
        """A connection has begun; False when there are too many, and all of them are of use."""
        self._open.add(connection)
        self.is_empty.clear()
        return len(self._open) <= self._limit or self._makes_room()

    def _makes_room(self) -> bool:
        """Whether one could be ended for it: the one that has been idle for longest."""
        longest = min(self._open, key=_idle_since)
        if longest.idle_since in (None, self.pulse.seconds):
            return False
        self._open.discard(longest)
        longest.abort()
        return True

    def remove(self, connection: Connection) -> None:
        """A connection has ended."""
        self._open.discard(connection)
        self._look_if_empty()

    def began(self, connection: Connection) -> None:
        """A request of it is being answered."""
        self._busy.add(connection)

    def finished(self, connection: Connection) -> None:
        """And is no more."""
        self._busy.discard(connection)
        if not self._open:
            self._look_if_empty()

    def _look_if_empty(self) -> None:
        if not self._open and not self._busy:
            self.is_empty.set()


def _idle_since(connection: Connection) -> float:
    return inf if connection.idle_since is None else connection.idle_since


class Connection(asyncio.Protocol):
    """One connection, with at most one request being answered."""

    def __init__(self, siblings: Connections) -> None:
        # None while a request is being answered.
        self.idle_since: int | None = siblings.pulse.seconds
        self._moved_at = siblings.pulse.seconds  # when something last came in, or could go out
        self._unsent = 0  # bytes, when last looked at
        self._siblings = siblings
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._server = ("127.0.0.1", 80)
        self._scheme = "http"
        self._client = ""
        self._url = b""
        self._headers: Headers = {}
        self._without_progress = 0  # bytes that were neither body nor the end of a head
        self._incoming = Body()
        self._current: Request | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[Request] = deque()
        self._refusal: Response | None = None  # what comes after the last answer
        self._is_deaf = False  # what comes in from now on is nobody's business
        self._is_paused = False
        self._has_streamed = False  # of the request being answered: some of it is on its way
        self._is_ending = False
        self._is_lost = False
        self._is_continue_wanted = False
        self._is_writable = asyncio.Event()
        self._is_writable.set()

    def shut_down(self) -> None:
        """Take no more requests; end when the one in flight is answered."""
        self._is_ending = True
        if self._current is None:
            self._send_last(())

    def end_if_stuck(self, since: int) -> None:
        """End it when it is idle since then, or waits as long for the rest of a body, or for its
        client to read."""
        self._look_if_read()
        if self.idle_since is not None and self.idle_since <= since:
            if not self._transport.is_closing():
                self.shut_down()
            elif self._moved_at <= since:
                self.abort()  # it was to end long ago, and its client does not read
        elif self._moved_at <= since and (self._is_owed_a_body or not self._is_writable.is_set()):
            self.abort()

    def _look_if_read(self) -> None:
        """A client that reads, however slowly, is not stuck."""
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._moved_at = self._siblings.pulse.seconds
        self._unsent = unsent

    @property
    def _is_owed_a_body(self) -> bool:
        return self._current is not None and not self._waiting and not self._incoming.is_whole

    def abort(self) -> None:
        """End now. What runs goes on; its answer is dropped."""
        self._transport.abort()

    # asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server = transport.get_extra_info("sockname", self._server)[:2]
        self._scheme = "https" if transport.get_extra_info("ssl_object") else "http"
        self._client = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._siblings.add(self):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._waiting.clear()
        self._incoming.lose()
        self._is_writable.set()
        self._siblings.remove(self)

    def eof_received(self) -> bool:
        """The client has said all that it will: what it has asked for it may still hear."""
        if self._is_owed_a_body or self._scheme == "https":
            return False
        if self._current is None:
            self._send_last(())  # behind what has been answered, but not sent yet
        self._is_deaf = True
        return True

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._moved_at = self._siblings.pulse.seconds
        if len(data) <= _PIECE:
            self._parse(data)
        else:
            for start in range(0, len(data), _PIECE):
                self._parse(data[start : start + _PIECE])

    def _parse(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._without_progress += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._latest().keeps_alive = False  # answered as if it had asked for nothing else
        except httptools.HttpParserError:
            self._refuse(_BAD_REQUEST)
        else:
            if self._without_progress > HEAD_LIMIT:
                self._refuse(_TOO_LARGE)

    def pause_writing(self) -> None:
        self._moved_at = self._siblings.pulse.seconds
        self._is_writable.clear()

    def resume_writing(self) -> None:
        self._moved_at = self._siblings.pulse.seconds
        self._is_writable.set()

    # httptools

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = {}
        if self.idle_since is not None:
            self.idle_since = self._siblings.pulse.seconds

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in self._headers:
            value = self._joined(name, value)
        self._headers[name] = value

    def _joined(self, name: bytes, value: bytes) -> bytes:
        if name in _ONCE:
            raise ValueError(f"there may be one header {name.decode('latin-1')} only")
        return self._headers[name] + _SEPARATE.get(name, b",") + value

    def on_headers_complete(self) -> None:
        self._without_progress = 0
        headers, self._headers = self._headers, {}  # what follows a body is nobody's business
        self._incoming = Body(self._read_on)
        self._is_continue_wanted = headers.get(b"expect", b"").strip().lower() == b"100-continue"
        request = Request(
            self._parser.get_method().decode("ascii"),
            self._url,
            headers,
            self._incoming,
            caller=self._siblings.caller,
            scheme=self._scheme,
            server=self._server,
            client=self._client,
            protocol=f"HTTP/{self._parser.get_http_version()}",
            keeps_alive=self._may_keep_alive(headers),
        )
        if self._current is None:
            self._start(request)
        elif len(self._waiting) >= WAITING_LIMIT:  # each takes far more memory than on its way
            raise ValueError("too many requests were sent ahead")
        else:
            self._waiting.append(request)
            self._pause()

    def on_body(self, chunk: bytes) -> None:
        self._without_progress = 0
        self._incoming.feed(chunk)
        if self._incoming.is_piling_up:
            self._pause()

    def on_message_complete(self) -> None:
        self._without_progress = 0
        self._incoming.finish()

    def _may_keep_alive(self, headers: Headers) -> bool:
        """Whoever speaks HTTP/1.0 gets one answer, whatever it asks for."""
        if not self._parser.should_keep_alive():
            return False
        return b"connection" not in headers or self._parser.get_http_version() != "1.0"

    # One request after the other

    def _latest(self) -> Request:
        latest = self._waiting[-1] if self._waiting else self._current
        assert latest is not None
        return latest

    def _start(self, request: Request) -> None:
        self._current = request
        self._has_streamed = False
        self.idle_since = None
        self._siblings.began(self)
        self._task = self._loop.create_task(self._serve(request))

    async def _serve(self, request: Request) -> None:
        try:
            response = await self._siblings.app(request)
            if not self._is_writable.is_set():
                await self._is_writable.wait()
            if response is not None and response.stream is not None:
                await self._send_stream(request, response, response.stream)
                response = None
        except ResponseBrokenOff:
            self._show_break(request)
            response, request.keeps_alive = None, False
        except Exception:
            _log.exception("A request could not be answered.")
            response, request.keeps_alive = None if self._has_streamed else _FAILURE, False
        finally:
            self._siblings.finished(self)
        try:
            if not self._is_lost:
                self._conclude(request, response)
        except Exception:
            _log.exception("An answer could not be written.")
            self.abort()

    def _conclude(self, request: Request, response: Response | None) -> None:
        self._current = None
        if not self._waiting:
            self._incoming.drop()
            if self._is_continue_wanted and not self._incoming.is_whole:
                self._is_ending = True  # the client may send the body yet, or not
        is_last = self._is_ending or not request.keeps_alive
        if response is not None:
            self._send(response, is_last=is_last, is_head=request.method == "HEAD")
        elif self._has_streamed and is_last:
            self._send_last(())
        if not is_last or (response is None and not self._has_streamed):
            self._go_on()

    async def _send_stream(
        self, request: Request, response: Response, stream: AsyncIterator[bytes]
    ) -> None:
        """Write an answer while it comes to be, to its end, whether or not somebody hears it."""
        self._has_streamed = True
        if request.protocol != "HTTP/1.1":
            request.keeps_alive = False  # its end is that of the connection
        is_chunked = request.protocol == "HTTP/1.1" and response.has_body
        is_last = self._is_ending or not request.keeps_alive
        date_line = self._siblings.pulse.date_line
        self._write((response.head(date_line, is_last=is_last, is_chunked=is_chunked),))
        is_heard = request.method != "HEAD" and response.has_body
        async for piece in stream:
            if piece and is_heard:
                size = b"%x\r\n" % len(piece)
                self._write((size, piece, b"\r\n") if is_chunked else (piece,))
                await asyncio.sleep(0)  # it is on its way then, or waits for its client
                if not self._is_writable.is_set():
                    await self._is_writable.wait()
        if is_chunked and is_heard:
            self._write((LAST_CHUNK,))

    def _show_break(self, request: Request) -> None:
        """Let the client see that this was not all: of what is chunked the end is missing; what
        ends with the connection has to end otherwise."""
        if request.protocol != "HTTP/1.1" and not self._is_lost:
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.abort()

    def _write(self, pieces: Sequence[bytes]) -> None:
        if not self._is_lost:
            self._siblings.outbox.send(self._transport, pieces)

    def _go_on(self) -> None:
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._refusal is not None:
            self._send(self._refusal, is_last=True)
        elif self._is_deaf:
            self._send_last(())  # its client has said that it asks for nothing more
        else:
            self.idle_since = self._siblings.pulse.seconds
        if not self._waiting:
            self._resume()

    def _refuse(self, response: Response) -> None:
        """What came in is no request, so nothing behind it is; those before it are answered."""
        self._refusal = response
        self._is_deaf = True
        self._incoming.lose()
        self._pause()
        if self._current is None:
            self._go_on()

    def _send(self, response: Response, *, is_last: bool, is_head: bool = False) -> None:
        head = response.head(self._siblings.pulse.date_line, is_last=is_last)
        pieces = (head,) if is_head or not response.has_body else (head, response.body)
        if is_last:
            self._send_last(pieces)
        else:
            self._siblings.outbox.send(self._transport, pieces)

    def _send_last(self, pieces: Sequence[bytes]) -> None:
        self._is_deaf = True
        self._siblings.outbox.send(self._transport, pieces, is_last=True)

    # Reading only what somebody wants

    def _read_on(self) -> None:
        """Somebody waits for more of the body that is coming in."""
        if self._is_continue_wanted:
            self._is_continue_wanted = False
            self._transport.write(_CONTINUE)
        self._resume()

    def _pause(self) -> None:
        if not self._is_paused and not self._transport.is_closing():
            self._is_paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._is_paused and not self._transport.is_closing():
            self._is_paused = False
            self._transport.resume_reading()
