"""Serves an app on sockets that come and go.

Each execution environment brings a listening socket of its own, and takes it along when it ends;
what arrives there carries the caller whose it is.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import partial

from lambdad.gateway.arrivals import Arrival, Arrivals
from lambdad.gateway.connection import Connection
from lambdad.gateway.connections import App, Connections
from lambdad.gateway.outbox import Outbox
from lambdad.gateway.pulse import Pulse
from lambdad.model.caller import Caller

KEEP_ALIVE_SECONDS = 75  # longer than clients keep idle connections, so that they close first
MAX_CONNECTIONS = 1_024  # on one listener
_BACKLOG = 2_048


class HttpServer:
    """An app on any number of listening sockets."""

    def __init__(self, app: App, outbox: Outbox | None = None) -> None:
        self._app = app
        self._pulse = Pulse()
        self._outbox = outbox or Outbox()
        self._listeners: set[Listener] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def listen(
        self,
        sock: socket.socket,
        caller: Caller | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        max_connections: int = MAX_CONNECTIONS,
    ) -> Listener:
        """Serve what arrives on `sock`, which is the listener's from now on, as from `caller`; with
        `tls`, it speaks https beside http."""
        if self._timer is None:
            self._tick()
        connections = Connections(self._app, self._pulse, self._outbox, caller, max_connections)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
        make_protocol: Callable[[], asyncio.Protocol] = partial(Connection, connections)
        arrivals = None
        if tls is not None:
            arrivals = Arrivals(tls, self._pulse, make_protocol, max_connections)
            make_protocol = partial(Arrival, arrivals)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(make_protocol, sock=sock, backlog=_BACKLOG)
        listener = Listener(server, connections, arrivals, on_close=self._listeners.discard)
        self._listeners.add(listener)
        return listener

    def close(self) -> None:
        """Close every listener, whatever is in flight."""
        for listener in list(self._listeners):
            listener.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        """Once a second: keep the Date header true, end connections that have long been idle.

        A timer for each connection would have to be set and cancelled with every request.
        """
        self._pulse.seconds += 1
        self._pulse.date_line = f"date: {formatdate(time.time(), usegmt=True)}\r\n"
        for listener in self._listeners:
            listener.close_idle(self._pulse.seconds - KEEP_ALIVE_SECONDS)
        self._timer = asyncio.get_running_loop().call_later(1, self._tick)


class Listener:
    """One listening socket with its connections."""

    def __init__(
        self,
        server: asyncio.Server,
        connections: Connections,
        arrivals: Arrivals | None,
        *,
        on_close: Callable[[Listener], None],
    ) -> None:
        self._server = server
        self._connections = connections
        self._arrivals = arrivals
        self._on_close = on_close

    async def drain(self, timeout: float) -> bool:  # noqa: ASYNC109 - it closes what is late
        """Stop accepting, finish what is in flight, close. Other listeners go on: what is in
        flight here may need them.

        After `timeout` the connections of what still runs end; returns whether nothing did.
        """
        self._stop_accepting()
        for connection in self._connections:
            connection.shut_down()
        try:
            async with asyncio.timeout(timeout):
                await self._connections.is_empty.wait()
            return True
        except TimeoutError:
            return False
        finally:
            self.close()

    def close_idle(self, since: int) -> None:
        """End connections on which nothing has moved since `since`, though something should."""
        if self._arrivals is not None:
            self._arrivals.end_late()
        for connection in self._connections:
            connection.end_if_stuck(since)

    def close(self) -> None:
        """Close the socket and end its connections now, in the middle of an answer too.

        Operations that run for them go on; their answers are dropped.
        """
        self._stop_accepting()
        for connection in self._connections:
            connection.abort()
        self._on_close(self)

    def _stop_accepting(self) -> None:
        self._server.close()
        if self._arrivals is not None:
            self._arrivals.end_all()
