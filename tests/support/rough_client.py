"""A client without manners: it sends bytes as they are, and reads and goes when it likes."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Self

_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Heard:
    """All that a server has said on a connection."""

    said: bytes
    is_closed: bool  # by the server

    @property
    def statuses(self) -> list[int]:
        """Of its answers, in order; bodies must not look like heads."""
        return [int(status) for status in _STATUS.findall(self.said)]


class RoughClient:
    """One connection; with `trust` it speaks TLS."""

    def __init__(
        self,
        port: int,
        *,
        trust: ssl.SSLContext | None = None,
        timeout: float = 10.0,
        receive_buffer: int = 0,
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        if trust is not None:
            self.socket = trust.wrap_socket(self.socket, server_hostname="localhost")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> Self:
        """Send the pieces one by one; a server that does not listen any more is no failure."""
        try:
            for piece in pieces:
                self.socket.sendall(piece)
        except (ConnectionError, ssl.SSLError):
            pass
        return self

    def say_no_more(self) -> Self:
        """Close the sending half."""
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        """Be gone, with whatever is on its way."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.socket.close()

    def hear(self, *, until: bytes | None = None) -> Heard:
        """Read until the server closes, or has said `until`; TimeoutError when it does neither."""
        said = b""
        try:
            while until is None or until not in said:
                data = self.socket.recv(65_536)
                if not data:
                    return Heard(said, is_closed=True)
                said += data
        except (ConnectionError, ssl.SSLError):
            return Heard(said, is_closed=True)
        return Heard(said, is_closed=False)
