"""Serves an ASGI app on sockets that come and go, with uvicorn's HTTP protocol.

uvicorn as a server has its sockets fixed when it starts. Here each execution environment brings a
listening socket of its own, and takes it along when it ends; what arrives there carries extra
scope entries that say whose it is. All of HTTP stays uvicorn's.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from typing import Any, cast

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

App = Callable[[Any, Any, Any], Awaitable[None]]

KEEP_ALIVE_SECONDS = 75  # longer than clients keep idle connections, so that they close first
HEAD_LIMIT = 64 * 1024  # bytes of request line and headers
MAX_CONNECTIONS = 1_024  # on one listener
_BACKLOG = 2_048
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n\r\n"


class HttpServer:
    """An ASGI app on any number of listening sockets."""

    def __init__(self, app: App) -> None:
        self._config = Config(
            app,
            http=HttpToolsProtocol,
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._config.load()
        self._listeners: set[Listener] = set()
        self._default_headers: list[tuple[bytes, bytes]] = []  # shared by all listeners
        self._date_timer: asyncio.TimerHandle | None = None

    async def listen(
        self,
        sock: socket.socket,
        scope_extra: Mapping[str, Any] | None = None,
        *,
        max_connections: int = MAX_CONNECTIONS,
    ) -> Listener:
        """Serve what arrives on `sock`, which is the listener's from now on.

        `scope_extra` is added to the scope of every request from there.
        """
        if self._date_timer is None:
            self._tell_date()
        listener = Listener(self, self._config, dict(scope_extra or {}), max_connections)
        listener.default_headers = self._default_headers
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            # Connections inherit it. uvicorn writes head and body one after the other, and
            # without it the body would wait for an acknowledgement of the head.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        listener.server = await loop.create_server(listener.connect, sock=sock, backlog=_BACKLOG)
        self._listeners.add(listener)
        return listener

    def close(self) -> None:
        """Close every listener, whatever is in flight."""
        for listener in list(self._listeners):
            listener.close()
        if self._date_timer is not None:
            self._date_timer.cancel()
            self._date_timer = None

    def forget(self, listener: Listener) -> None:
        """A listener has been closed."""
        self._listeners.discard(listener)

    def _tell_date(self) -> None:
        """Keep the Date header true, to the second as uvicorn does."""
        self._default_headers[:] = [(b"date", formatdate(time.time(), usegmt=True).encode())]
        self._date_timer = asyncio.get_running_loop().call_later(1, self._tell_date)


class Listener(ServerState):
    """One listening socket with its connections."""

    server: asyncio.Server

    def __init__(
        self, owner: HttpServer, config: Config, scope_extra: dict[str, Any], max_connections: int
    ) -> None:
        super().__init__()
        self.scope_extra = scope_extra
        self.max_connections = max_connections
        self._owner = owner
        self._config = config
        self._is_empty = asyncio.Event()
        self._is_empty.set()

    def connect(self) -> _Connection:
        """What the event loop makes for a connection."""
        self._is_empty.clear()
        return _Connection(self._config, self)

    def disconnected(self) -> None:
        """A connection has ended."""
        if not self.connections:
            self._is_empty.set()

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109 - it cancels what is late
        """Stop accepting, finish what is in flight, close. Other listeners go on: what is in
        flight here may need them.

        After `timeout` what still runs is cancelled; returns whether nothing had to be.
        """
        self.server.close()
        for connection in list(self.connections):
            connection.shutdown()  # takes no more requests, and ends when it is idle
        try:
            async with asyncio.timeout(timeout):
                await self._is_empty.wait()
                if self.tasks:
                    await asyncio.wait(self.tasks)
            return True
        except TimeoutError:
            return False
        finally:
            self.close()

    def close(self) -> None:
        """Close the socket and end its connections now, in the middle of an answer too.

        Operations that run for them go on; their answers are dropped.
        """
        self.server.close()
        for connection in list(self.connections):
            connection.transport.abort()
        self._owner.forget(self)


class _JoiningTransport:
    """Sends what is written in one turn of the event loop as one piece.

    uvicorn writes head and body of an answer one after the other; as two packets they would cost
    a system call more here, and wake the client twice.
    """

    __slots__ = ("_loop", "_transport", "_unsent")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._unsent: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send at the end of this turn."""
        if not self._unsent:
            self._loop.call_soon(self._send)
        self._unsent.append(data)

    def close(self) -> None:
        """Send what is left, then close."""
        self._send()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, []
        if unsent:
            self._transport.writelines(unsent)


class _Connection(HttpToolsProtocol):
    """uvicorn's protocol, bounded, and with its listener's scope entries."""

    def __init__(self, config: Config, listener: Listener) -> None:
        super().__init__(config=config, server_state=listener, app_state={})
        self._listener = listener
        self._head_size: int | None = None  # None while no head is being read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.transport = cast(asyncio.Transport, _JoiningTransport(transport, self.loop))
        if len(self._listener.connections) > self._listener.max_connections:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._listener.disconnected()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head_size is not None:
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_size = 0
        self.scope.update(self._listener.scope_extra)  # type: ignore[typeddict-item]

    def on_headers_complete(self) -> None:
        self._head_size = None
        super().on_headers_complete()
