"""The few parts of HTTP/1.1 that the Runtime API needs, on one socket that is kept open."""

from __future__ import annotations

import re
from socket import IPPROTO_TCP, TCP_NODELAY, create_connection
from typing import Dict, NamedTuple, Tuple

_RECEIVE_SIZE = 65536
_COPY_LIMIT = 65536
_FIELD = re.compile("\r\n([^:\r]+):[ \t]*([^\r]*)")


class Answer(NamedTuple):
    """What the API said; names of headers are in lower case."""

    status: int
    headers: Dict[str, str]
    body: bytes


class Connection:
    """A connection that opens itself again when the server has closed it."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = (host or address, int(port) if host else 80)
        self._unread = b""
        self._open()

    def _open(self) -> None:
        # A default timeout that the function sets must not reach this socket.
        self._socket = create_connection(self._address, timeout=None)
        self._socket.settimeout(None)
        self._socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._unread = b""
        self._is_over = False

    def fileno(self) -> int:
        """Its descriptor."""
        return self._socket.fileno()

    def reopen(self) -> None:
        """Start anew, without whatever was under way."""
        self._socket.close()
        self._open()

    def send(self, head: bytes, body: bytes = b"") -> None:
        """Write one request; a small body travels in the same packet as its head."""
        if self._is_over:
            self.reopen()
        if len(body) <= _COPY_LIMIT:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head)
            self._socket.sendall(body)

    def send_pieces(self, *pieces: bytes) -> None:
        """Write more of a request, without putting it together first."""
        sent = self._socket.sendmsg(pieces)
        for piece in pieces:
            if sent < len(piece):
                self._socket.sendall(memoryview(piece)[sent:])
            sent = max(0, sent - len(piece))

    def receive(self) -> Answer:
        """Wait for the answer of the oldest request that has none yet."""
        if self._is_over:
            raise ConnectionError("the Runtime API closed the connection")
        answer = self._receive_one()
        while answer.status < 200:  # it only announces an answer
            answer = self._receive_one()
        self._is_over = answer.headers.get("connection", "").lower() == "close"
        return answer

    def _receive_one(self) -> Answer:
        data = self._unread or self._more()
        end = data.find(b"\r\n\r\n")
        while end < 0:
            data += self._more()
            end = data.find(b"\r\n\r\n")
        status, headers = _parse_head(data[:end])
        body = self._body(headers, data[end + 4 :])
        return Answer(status, headers, body)

    def _body(self, headers: Dict[str, str], data: bytes) -> bytes:
        if "transfer-encoding" in headers:
            return self._chunked_body(data)
        size = int(headers.get("content-length", 0))
        if size > len(data):
            return self._rest(data, size)
        self._unread = data[size:]
        return data[:size]

    def _rest(self, data: bytes, size: int) -> bytes:
        """A body that did not come whole with its head, read in place."""
        self._unread = b""
        body = bytearray(size)
        body[: len(data)] = data
        view, got = memoryview(body), len(data)
        while got < size:
            count = self._socket.recv_into(view[got:])
            if not count:
                raise ConnectionError("the Runtime API closed the connection")
            got += count
        return bytes(body)

    def _chunked_body(self, data: bytes) -> bytes:
        self._unread = data
        chunks = []
        while True:
            size = int(self._line().partition(b";")[0], 16)
            if not size:
                break
            chunks.append(self._exactly(size))
            self._line()
        while self._line():
            pass  # trailers
        return b"".join(chunks)

    def _line(self) -> bytes:
        while b"\r\n" not in self._unread:
            self._unread += self._more()
        line, _, self._unread = self._unread.partition(b"\r\n")
        return line

    def _exactly(self, size: int) -> bytes:
        if len(self._unread) < size:
            return self._rest(self._unread, size)
        data, self._unread = self._unread[:size], self._unread[size:]
        return data

    def _more(self) -> bytes:
        data = self._socket.recv(_RECEIVE_SIZE)
        if not data:
            raise ConnectionError("the Runtime API closed the connection")
        return data


def _parse_head(head: bytes) -> Tuple[int, Dict[str, str]]:
    fields = _FIELD.findall(str(head, "utf-8", "replace"))
    return int(head[9:12]), {name.lower(): value for name, value in fields}
