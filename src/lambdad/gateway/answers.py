"""What goes out on one connection: answers in their order, no faster than the client reads them.

An answer may be a stream: it is written while it comes to be. A client that is gone ends no stream
but those that say so: what it was promised runs to its end, and is dropped.
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import sys
import termios
from collections.abc import Sequence
from typing import cast

from lambdad.gateway.http import Request, Response, close_stream
from lambdad.gateway.outbox import Outbox
from lambdad.gateway.pulse import Pulse

LAST_CHUNK = b"0\r\n\r\n"
_CHUNKS_SINCE = "HTTP/1.1"
_RESET = struct.pack("ii", 1, 0)  # what is not sent yet is dropped, and the client told


class Answers:
    """The answers of one connection, from `begin` until it is lost."""

    def __init__(self, outbox: Outbox, pulse: Pulse) -> None:
        self.is_lost = False
        self.is_ending = False  # no stream goes on that ends with its client
        self._outbox = outbox
        self._pulse = pulse
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._is_read = asyncio.Event()
        self._is_read.set()
        self._read_at = pulse.seconds  # when it last was seen that the client reads
        self._unread = 0  # bytes, when last looked at

    def begin(self, transport: asyncio.Transport) -> None:
        """The connection is there."""
        self._transport = transport

    def lose(self) -> None:
        """And is no more: nothing arrives, and nobody waits."""
        self.is_lost = True
        self._is_read.set()

    # The client's pace

    @property
    def is_held_up(self) -> bool:
        """Whether more lies here unread than is good."""
        return not self._is_read.is_set()

    def hold(self) -> None:
        """Write no more for now."""
        self._read_at = self._pulse.seconds
        self._is_read.clear()

    def resume(self) -> None:
        """The client has read on."""
        self._read_at = self._pulse.seconds
        self._is_read.set()

    async def wait_until_read(self) -> None:
        """Return when more may be written."""
        if not self._is_read.is_set():
            await self._is_read.wait()

    def look_if_read(self) -> int:
        """When the client last read, however slowly, of what waits for it."""
        unread = self._transport.get_write_buffer_size()
        if unread:
            unread += _unread_by(self._transport.get_extra_info("socket"))
        if unread < self._unread:
            self._read_at = self._pulse.seconds
        self._unread = unread
        return self._read_at

    # Writing

    def send(self, response: Response, *, is_last: bool = False, is_head: bool = False) -> None:
        """Send an answer; the connection ends behind the last. One that has streamed is on its way
        already."""
        pieces: tuple[bytes, ...] = ()
        if response.stream is None:
            head = response.head(self._pulse.date_line, is_last=is_last)
            pieces = (head,) if is_head or not response.has_body else (head, response.body)
        if is_last:
            self.end(pieces)
        elif pieces:
            self._outbox.send(self._transport, pieces)

    def end(self, pieces: Sequence[bytes] = ()) -> None:
        """Send these, and end the connection."""
        self._outbox.send(self._transport, pieces, is_last=True)

    async def stream(self, request: Request, response: Response, *, is_last: bool) -> None:
        """Write an answer while it comes to be, to its end, whether or not somebody hears it. For a
        client that knows no chunks it ends with the connection."""
        assert response.stream is not None
        if request.protocol != _CHUNKS_SINCE:
            request.keeps_alive, is_last = False, True
        is_chunked = request.protocol == _CHUNKS_SINCE and response.has_body
        head = response.head(self._pulse.date_line, is_last=is_last, is_chunked=is_chunked)
        self._write((head,))
        is_heard = request.method != "HEAD" and response.has_body
        async for piece in response.stream:
            if response.ends_with_client and (self.is_lost or self.is_ending):
                await close_stream(response.stream)
                break
            if piece and is_heard:
                self._write((b"%x\r\n" % len(piece), piece, b"\r\n") if is_chunked else (piece,))
                # The outbox sends at the end of this turn; only then is known who is held up.
                await asyncio.sleep(0)
                await self.wait_until_read()
        if is_chunked and is_heard:
            self._write((LAST_CHUNK,))

    def show_break(self, request: Request) -> None:
        """Let the client see that this was not all: of what is chunked the end is missing; what
        ends with the connection has to end otherwise."""
        if request.protocol != _CHUNKS_SINCE and not self.is_lost:
            connection = self._transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._transport.abort()

    def _write(self, pieces: Sequence[bytes]) -> None:
        if not self.is_lost:
            self._outbox.send(self._transport, pieces)


def _unread_by(connection: socket.socket) -> int:
    """Bytes that the kernel has sent to the client's, or has still to send."""
    try:
        told = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(told, sys.byteorder)
