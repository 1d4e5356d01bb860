"""A client of streamed responses that costs little, and reads as slowly as it is asked to."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from benchmarks.workload import Address, WorkloadError

_RECEIVE_SIZE = 1 << 20
_TIMEOUT_SECONDS = 60


class Stream:
    """One response that is being read."""

    def __init__(self, address: Address, request: bytes) -> None:
        self._socket = socket.create_connection(address, _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(_RECEIVE_SIZE))
        self._tail = b""
        self.received = 0
        self._socket.sendall(request)

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def close(self) -> None:
        """End it, at its end or before."""
        self._socket.close()

    def read(self, limit: int = _RECEIVE_SIZE) -> bytes:
        """Read some of it, as it is on the wire."""
        size = self._socket.recv_into(self._buffer[:limit])
        if not size:
            raise WorkloadError("The stream broke off.")
        self.received += size
        piece = bytes(self._buffer[:size])
        if self.received == size and not piece.startswith(b"HTTP/1.1 200 "):
            raise WorkloadError(f"The server answered {piece[:300]!r}")
        return piece

    def skip(self, limit: int = _RECEIVE_SIZE) -> bool:
        """Read some of it without looking; whether it was the last."""
        size = self._socket.recv_into(self._buffer[:limit])
        if not size:
            raise WorkloadError("The stream broke off.")
        self.received += size
        self._tail = (self._tail + bytes(self._buffer[max(0, size - 5) : size]))[-5:]
        return self._tail == b"0\r\n\r\n"


@contextmanager
def open_streams(address: Address, request: bytes, count: int) -> Iterator[list[Stream]]:
    """`count` streams, each on a connection of its own."""
    with ExitStack() as stack:
        streams = [Stream(address, request) for _ in range(count)]
        for stream in streams:
            stack.callback(stream.close)
        yield streams


def read_slowly(streams: Sequence[Stream], bytes_per_second: int) -> Iterator[None]:
    """Read all streams to their ends, each no faster than that; control comes back ten times a
    second."""
    began = time.monotonic()
    reading = {stream.fileno(): stream for stream in streams}
    told = began
    while reading:
        now = time.monotonic()
        allowed = (now - began) * bytes_per_second
        due = [number for number, stream in reading.items() if stream.received < allowed]
        ready = select.select(due, (), (), 0.02)[0] if due else []
        for number in ready:
            if reading[number].skip(
                max(1, min(_RECEIVE_SIZE, int(allowed) - reading[number].received))
            ):
                del reading[number]
        if not ready:
            time.sleep(0.005)
        if now - told > 0.1:
            told = now
            yield
