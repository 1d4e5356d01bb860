"""TLS between a socket and a connection, which notices nothing of it.

    socket ◀──▶ its transport ◀── records ──▶ TlsTransport ◀── bytes ──▶ Connection

asyncio has such a layer of its own, and uvloop another. Before they close, theirs wait for the
client's farewell, which an idle client never sends; they cut off an answer that takes longer to be
read than they wait; and they hide how much is unsent. Here the socket itself is what is closed,
paused and full.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import Any

_READ_SIZE = 64 * 1024
_WRITE_SIZE = 256 * 1024  # what is encrypted at once


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """To the socket's transport a protocol, to the connection a transport.

    The connection is made by `make_connection` when hands have been shaken. `on_arrival` is called
    then, or when the socket is lost before.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        below: asyncio.Transport,
        *,
        make_connection: Callable[[], asyncio.Protocol],
        on_arrival: Callable[[], None],
    ) -> None:
        super().__init__()
        self._below = below
        self._make_connection = make_connection
        self._on_arrival = on_arrival
        self._connection: asyncio.Protocol | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._is_reading = True

    # A protocol to what is below

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._connection is None:
            self._on_arrival()
        else:
            self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._connection is not None:
            self._connection.pause_writing()

    def resume_writing(self) -> None:
        if self._connection is not None:
            self._connection.resume_writing()

    # A transport to what is above

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As asyncio's own: the object that speaks TLS, or what the socket's transport knows."""
        return self._tls if name == "ssl_object" else self._below.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._below.is_closing()

    def is_reading(self) -> bool:
        return self._is_reading

    def pause_reading(self) -> None:
        self._is_reading = False
        self._below.pause_reading()

    def resume_reading(self) -> None:
        self._is_reading = True
        self._below.resume_reading()
        asyncio.get_running_loop().call_soon(self._advance)  # some may lie here already

    def get_write_buffer_size(self) -> int:
        return self._below.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._below.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._below.set_write_buffer_limits(high, low)

    def can_write_eof(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writelines((data,))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        if self.is_closing():
            return  # a farewell has been said, and nothing may follow it
        for data in list_of_data:
            rest = memoryview(data)
            while rest:
                rest = rest[self._tls.write(rest[:_WRITE_SIZE]) :]
                if self._outgoing.pending >= _WRITE_SIZE:
                    self._send()
        self._send()

    def close(self) -> None:
        """Close when all is sent, with a farewell; the client's is not waited for."""
        if self.is_closing():
            return
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # it wants the client's farewell
        self._send()
        self._below.close()

    def abort(self) -> None:
        self._below.abort()

    # Between them

    def _advance(self) -> None:
        """Go as far as what has come in allows."""
        if self.is_closing():
            return
        try:
            if self._connection is None:
                self._shake_hands()
            self._read()
        except ssl.SSLWantReadError:
            pass  # the rest is on its way
        except ssl.SSLError:  # it is no TLS, or none that we speak
            self._send()  # an alert says why
            self._below.close()
            return
        self._send()

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self._on_arrival()
        self._connection = self._make_connection()
        self._connection.connection_made(self)

    def _read(self) -> None:
        assert self._connection is not None
        while self._is_reading and not self.is_closing():
            data = self._tls.read(_READ_SIZE)
            if not data:  # the client's farewell
                self.close()
                return
            self._connection.data_received(data)

    def _send(self) -> None:
        if self._outgoing.pending and not self.is_closing():
            self._below.write(self._outgoing.read())
