"""A client that sends bytes as they are, and reads what comes back."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """What the server answered; `status` is 0 when it hung up without a word."""

    status: int
    body: bytes = b""


class Wire:
    """One connection, opened anew whenever it has ended."""

    def __init__(self, url: str, *, timeout: float) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def send(self, request: bytes, *, is_last: bool = False, is_head: bool = False) -> Reply:
        """Send and read the reply; TimeoutError when there is none in time.

        `is_last` says that nothing more will be sent: what is not a whole request gets no answer
        before that.
        """
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=self._timeout)
        try:
            self._socket.sendall(request)
            if is_last:
                self._socket.shutdown(socket.SHUT_WR)
            return self._reply(is_head)
        except (ConnectionError, OSError) as error:
            self.hang_up()
            if isinstance(error, TimeoutError):
                raise
            return Reply(0)

    def hang_up(self) -> None:
        """End the connection; the next request opens another."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._read = None, b""

    def _reply(self, is_head: bool) -> Reply:
        head = self._until(b"\r\n\r\n")
        if head is None:
            return Reply(0)
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        if status == 100:
            return self._reply(is_head)
        body = b"" if is_head else self._body(headers)
        if headers.get("connection", "").lower() == "close":
            self.hang_up()
        return Reply(status, body)

    def _body(self, headers: dict[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", ""):
            return self._exactly(int(headers.get("content-length", 0)))
        body = b""
        while size := int(self._until(b"\r\n") or b"0", 16):
            body += self._exactly(size + 2)[:-2]
        self._until(b"\r\n")
        return body

    def _until(self, mark: bytes) -> bytes | None:
        while mark not in self._read:
            if not self._receive():
                return None
        found, _, self._read = self._read.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size and self._receive():
            pass
        found, self._read = self._read[:size], self._read[size:]
        return found

    def _receive(self) -> bool:
        assert self._socket is not None
        received = self._socket.recv(65_536)
        self._read += received
        if not received:
            self.hang_up()
        return bool(received)
