"""One connection of the front door: HTTP/1.1 in, requests to the app, answers out in order.

    bytes ──▶ httptools ──▶ Request ──▶ app ──▶ Response ──▶ bytes
                  │  the next ones wait in a queue   ▲
                  └──▶ Body ── read by the app ──────┘

The head is bounded here, the body by who reads it. While requests wait, or a body lies here that
nobody reads, the connection is not read from; how answers go out is in answers.py.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import cast

import httptools

from lambdad.errors import ResponseBrokenOff
from lambdad.gateway.answers import Answers
from lambdad.gateway.body import Body
from lambdad.gateway.connections import Connections
from lambdad.gateway.http import Headers, Request, Response

HEAD_LIMIT = 64 * 1024  # bytes of request line and headers, or a little more
WAITING_LIMIT = 1_000  # requests behind the one being answered; few clients send any
_PIECE = 16 * 1024  # bytes that are parsed at once: what has been, is bounded between them
_SEPARATE = {b"cookie": b"; "}  # what stands between the values of a header sent several times
_ONCE = frozenset({b"content-length", b"host"})  # who sends these twice means two things at once
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_BAD_REQUEST = Response(400, {"content-type": "text/plain"}, b"Invalid HTTP request received.")
_TOO_LARGE = Response(431)
_FAILURE = Response(500, {"content-type": "text/plain"}, b"Internal Server Error")

_log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """One connection, with at most one request being answered."""

    def __init__(self, siblings: Connections) -> None:
        # None while a request is being answered.
        self.idle_since: int | None = siblings.pulse.seconds
        self._heard_at = siblings.pulse.seconds  # when something last came in
        self._siblings = siblings
        self._answers = Answers(siblings.outbox, siblings.pulse)
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
        self._is_ending = False
        self._is_continue_wanted = False

    def shut_down(self) -> None:
        """Take no more requests; end when the one in flight is answered."""
        self._is_ending = self._answers.is_ending = True
        if self._current is None:
            self._end()

    def end_if_stuck(self, since: int) -> None:
        """End it when it is idle since then, or waits as long for the rest of a body, or for its
        client to read."""
        is_read = self._answers.look_if_read() > since
        is_silent = self._is_owed_a_body and self._heard_at <= since
        if self.idle_since is not None and self.idle_since <= since:
            if not self._transport.is_closing():
                self.shut_down()
            elif not is_read:
                self.abort()  # it was to end long ago, and its client does not read
        elif is_silent or (self._answers.is_held_up and not is_read):
            self.abort()

    @property
    def silent_since(self) -> int | None:
        """Since when it only waits for its client: for a request, or for the rest of one. None
        while it works, and while its client may still be reading."""
        if self._is_owed_a_body:
            return self._heard_at
        return None if self._answers.is_held_up else self.idle_since

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
        self._answers.begin(self._transport)
        if not self._siblings.add(self):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting.clear()
        self._incoming.lose()
        self._answers.lose()
        self._siblings.remove(self)

    def eof_received(self) -> bool:
        """The client has said all that it will: what it has asked for it may still hear."""
        if self._is_owed_a_body:
            return False
        if self._current is None:
            self._end()  # behind what has been answered, but not sent yet
        self._is_deaf = True
        return True

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._heard_at = self._siblings.pulse.seconds
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
        self._answers.hold()

    def resume_writing(self) -> None:
        self._answers.resume()

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
        self.idle_since = None
        self._siblings.began(self)
        self._task = self._loop.create_task(self._serve(request))

    async def _serve(self, request: Request) -> None:
        response: Response | None = None
        try:
            response = await self._siblings.app(request)
            await self._answers.wait_until_read()
            if response is not None and response.stream is not None:
                await self._answers.stream(request, response, is_last=self._is_last(request))
        except Exception as error:
            request.keeps_alive = False
            if not isinstance(error, ResponseBrokenOff):
                _log.exception("A request could not be answered.")
            elif error.__cause__ is not None:
                _log.error("A response broke off.", exc_info=error.__cause__)
            if response is None or response.stream is None:
                response = _FAILURE
            else:
                self._answers.show_break(request)
        finally:
            self._siblings.finished(self)
        try:
            if not self._answers.is_lost:
                self._conclude(request, response)
        except Exception:
            _log.exception("An answer could not be written.")
            self.abort()

    def _conclude(self, request: Request, response: Response | None) -> None:
        self._current = None
        self.idle_since = self._siblings.pulse.seconds
        if not self._waiting:
            self._incoming.drop()
            if self._is_continue_wanted and not self._incoming.is_whole:
                self._is_ending = True  # the client may send the body yet, or not
        if response is None:
            self._go_on()
        elif self._is_last(request):
            self._send_last(response, is_head=request.method == "HEAD")
        else:
            self._answers.send(response, is_head=request.method == "HEAD")
            self._go_on()

    def _is_last(self, request: Request) -> bool:
        return self._is_ending or not request.keeps_alive

    def _go_on(self) -> None:
        if self._waiting:
            self._start(self._waiting.popleft())
        elif self._refusal is not None:
            self._send_last(self._refusal)
        elif self._is_deaf:
            self._end()  # its client has said that it asks for nothing more
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

    def _send_last(self, response: Response, *, is_head: bool = False) -> None:
        self._is_deaf = True
        self._answers.send(response, is_last=True, is_head=is_head)

    def _end(self) -> None:
        self._is_deaf = True
        self._answers.end()

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
