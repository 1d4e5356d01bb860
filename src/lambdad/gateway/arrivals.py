"""http and https on one port: a connection's first byte tells which of them its client speaks.

    accepted ──▶ Arrival ──┬─ a TLS handshake begins ──▶ TlsTransport ──▶ Connection
                           └─ anything else ────────────────────────────▶ Connection

Whoever says nothing, or does not finish a handshake, may not wait for long, nor with many others.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from lambdad.gateway.pulse import Pulse
from lambdad.gateway.tls import TlsTransport

ARRIVAL_SECONDS = 10
_HANDSHAKE = 0x16  # the type of the first record of TLS; no method of HTTP begins so


def begins_tls(data: bytes) -> bool:
    """Whether what a client says first begins a TLS handshake."""
    return data[0] == _HANDSHAKE


class Arrivals:
    """The connections of one listener that are none yet: silent, or shaking hands."""

    def __init__(
        self,
        context: ssl.SSLContext,
        pulse: Pulse,
        make_connection: Callable[[], asyncio.Protocol],
        limit: int,
    ) -> None:
        self.context = context
        self.make_connection = make_connection
        self._pulse = pulse
        self._limit = limit
        self._since: dict[asyncio.Transport, int] = {}  # those that wait for longest come first

    def add(self, transport: asyncio.Transport) -> None:
        """One more; when there are too many, the one that has waited for longest goes."""
        self._since[transport] = self._pulse.seconds
        if len(self._since) > self._limit:
            self._end(next(iter(self._since)))

    def remove(self, transport: asyncio.Transport) -> None:
        """It has become a connection, or has gone."""
        self._since.pop(transport, None)

    def end_late(self) -> None:
        """End those whose time is over."""
        for transport, since in list(self._since.items()):
            if since + ARRIVAL_SECONDS > self._pulse.seconds:
                break
            self._end(transport)

    def end_all(self) -> None:
        """End every one of them: nothing has been asked yet."""
        for transport in list(self._since):
            self._end(transport)

    def _end(self, transport: asyncio.Transport) -> None:
        del self._since[transport]
        transport.abort()


class Arrival(asyncio.Protocol):
    """A connection before its first byte."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._arrivals.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrivals.remove(self._transport)

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        protocol = self._speak_tls() if begins_tls(data) else self._speak_plainly()
        if not self._transport.is_closing():  # there may be too many of its kind
            protocol.data_received(data)

    def _speak_tls(self) -> asyncio.Protocol:
        protocol = TlsTransport(
            self._arrivals.context,
            self._transport,
            make_connection=self._arrivals.make_connection,
            on_arrival=self._arrived,
        )
        self._transport.set_protocol(protocol)
        return protocol

    def _speak_plainly(self) -> asyncio.Protocol:
        self._arrived()
        protocol = self._arrivals.make_connection()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        return protocol

    def _arrived(self) -> None:
        self._arrivals.remove(self._transport)
