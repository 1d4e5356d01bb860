"""What functions send to the X-Ray daemon of their environment."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from stage import happens

from lambdad.environment.xray_daemon import XRayDaemon

HEADER = b'{"format": "json", "version": 1}\n'


class Bench:
    """A daemon, and a function that sends to it."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.batches = 0
        self.is_congested = False
        self._ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._ours.bind(("127.0.0.1", 0))
        self.function = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.function.connect(self._ours.getsockname())
        self.daemon: XRayDaemon | None = None

    def listen(self) -> XRayDaemon:
        self.daemon = XRayDaemon(self._ours, self._take, lambda: self.is_congested)
        return self.daemon

    def _take(self, documents: list[str]) -> None:
        self.taken += documents
        self.batches += 1

    def close(self) -> None:
        if self.daemon:
            self.daemon.close()
        self._ours.close()
        self.function.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


async def test_documents_are_taken_without_their_header(bench: Bench) -> None:
    bench.listen()
    bench.function.send(HEADER + b'{"id": "1"}')
    bench.function.send(HEADER + b'{\n"id": "\xff"}')
    await happens(lambda: len(bench.taken) == 2)
    assert bench.taken == ['{"id": "1"}', '{\n"id": "\ufffd"}']


@pytest.mark.parametrize("hostile", [b"", b"\n", b"{}", b"\n{}", b"x" * 60_000])
async def test_what_has_no_header_is_passed_over(bench: Bench, hostile: bytes) -> None:
    bench.listen()
    bench.function.send(hostile)
    bench.function.send(HEADER + b"{}")
    await happens(lambda: bench.taken)
    assert bench.taken == ["{}"]


async def test_what_comes_while_the_log_is_congested_is_dropped(bench: Bench) -> None:
    bench.is_congested = True
    daemon = bench.listen()
    bench.function.send(HEADER + b"{}")
    daemon.close()
    assert bench.taken == []


async def test_a_flood_is_read_in_parts(bench: Bench) -> None:
    # Given more than is read at once
    for number in range(100):
        bench.function.send(HEADER + b"%d" % number)
    # When
    bench.listen()
    await happens(lambda: bench.taken)
    # Then others have their turn before the rest is read
    assert len(bench.taken) == 64
    await happens(lambda: len(bench.taken) == 100)
    assert bench.batches == 2


async def test_what_was_sent_last_is_taken_before_it_closes(bench: Bench) -> None:
    daemon = bench.listen()
    for number in range(100):
        bench.function.send(HEADER + b"%d" % number)
    daemon.close()
    daemon.close()
    assert bench.taken == [str(number) for number in range(100)]
