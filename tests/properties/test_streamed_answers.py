"""Whatever a client and the source of an answer do, in whatever order: every stream is run to its
end, what arrives is HTTP, and nothing of the connection is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdad.errors import ResponseBrokenOff
from lambdad.gateway.connection import Connection
from lambdad.gateway.connections import Connections
from lambdad.gateway.http import Request, Response
from lambdad.gateway.outbox import Outbox
from lambdad.gateway.pulse import Pulse

HOST = b"host: h\r\n"
REQUESTS = {
    "get": b"GET /get HTTP/1.1\r\n" + HOST + b"\r\n",
    "head": b"HEAD /head HTTP/1.1\r\n" + HOST + b"\r\n",
    "post": b"POST /post HTTP/1.1\r\n" + HOST + b"content-length: 3\r\n\r\nabc",
    "close": b"GET /close HTTP/1.1\r\n" + HOST + b"connection: close\r\n\r\n",
    "old": b"GET /old HTTP/1.0\r\n" + HOST + b"\r\n",
    "empty": b"GET /empty HTTP/1.1\r\n" + HOST + b"\r\n",
    "whole": b"GET /whole HTTP/1.1\r\n" + HOST + b"\r\n",
    "half": b"POST /half HTTP/1.1\r\n" + HOST + b"content-length: 3\r\n\r\na",
    "garbage": b"\0\r\n\r\n",
}
# Most of it keeps the connection: what ends it early is seldom tried.
LASTING = [("ask", kind) for kind in ("get", "head", "post", "empty", "whole")]
LASTING += [("put", text) for text in ("", "a", "0\r\n\r\n", "x" * 300)]
LASTING += [
    ("end", ""),
    ("end", ""),
    ("break_off", ""),
    ("fail", ""),
    ("pause", ""),
    ("resume", ""),
]
ENDING = [("ask", kind) for kind in ("close", "old", "half", "garbage")]
ENDING += [("lose", ""), ("say_no_more", ""), ("look", "")]
ACTIONS = st.sampled_from([*LASTING * 8, *ENDING])


class Transport:
    """One whose client reads when the test says so."""

    def __init__(self) -> None:
        self.connection: Connection
        self.sent = b""
        self.is_reading = True
        self._is_closing = False

    def write(self, data: bytes) -> None:
        assert not self._is_closing
        self.sent += data

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def close(self) -> None:
        if not self._is_closing:
            self._is_closing = True
            asyncio.get_running_loop().call_soon(self.connection.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self._is_closing

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class Sources:
    """An app of which most answers are streams; the test says what they have."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.begun = self.ended = 0
        self.promised: list[bytes] = []  # the content of each answer
        self.broken: set[int] = set()  # which of them

    async def __call__(self, request: Request) -> Response:
        if request.method == "POST":
            await request.read_body(10)
        if request.raw_path == "/whole":
            self.promised.append(b"whole")
            return Response(200, {}, b"whole")
        self.promised.append(b"")
        return Response(204 if request.raw_path == "/empty" else 200, stream=self._stream())

    async def _stream(self) -> AsyncIterator[bytes]:
        self.begun += 1
        try:
            while (piece := await self.said.get()) is not None:
                if isinstance(piece, Exception):
                    self.broken.add(len(self.promised) - 1)
                    raise piece
                self.promised[-1] += piece
                yield piece
        finally:
            self.ended += 1


class Answers:
    """Reads what was sent as a client would."""

    def __init__(self, sent: bytes, heads: list[bool]) -> None:
        self.bodies: list[bytes] = []
        self.whole: list[int] = []  # which of them have an end
        self.without_body: set[int] = set()
        self._heads = heads
        self._rest = sent
        while self._rest:
            self._read()

    def _read(self) -> None:
        head, mark, self._rest = self._rest.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 "), head[:80]
        self.bodies.append(b"")
        if not mark:
            return
        if head.startswith(b"HTTP/1.1 204") or self._heads[len(self.bodies) - 1 :][:1] == [True]:
            self._is_whole()
            self.without_body.add(len(self.bodies) - 1)
        elif b"transfer-encoding: chunked" in head:
            self._read_chunks()
        elif b"content-length: " in head:
            size = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
            self.bodies[-1], self._rest = self._rest[:size], self._rest[size:]
            self._is_whole()
        else:
            self.bodies[-1], self._rest = self._rest, b""

    def _is_whole(self) -> None:
        self.whole.append(len(self.bodies) - 1)

    def _read_chunks(self) -> None:
        while self._rest:
            size, _, rest = self._rest.partition(b"\r\n")
            length = int(size, 16)
            self.bodies[-1] += rest[:length]
            assert rest[length : length + 2] == b"\r\n"
            self._rest = rest[length + 2 :]
            if not length:
                self._is_whole()
                return


class Line:
    """A connection whose client and whose sources do what the test says."""

    def __init__(self) -> None:
        self.pulse, self.sources, self.transport = Pulse(), Sources(), Transport()
        self.siblings = Connections(self.sources, self.pulse, Outbox(), None, 10)
        self.connection = self.transport.connection = Connection(self.siblings)
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]
        self.heads: list[bool] = []  # which requests want no body
        self._unread = b""
        self._has_said_all = False

    def ask(self, kind: str) -> None:
        if not self._has_said_all:
            self._unread += REQUESTS[kind]
            self.heads.append(kind == "head")

    def put(self, text: str) -> None:
        self.sources.said.put_nowait(text.encode())

    def end(self, _: str = "") -> None:
        self.sources.said.put_nowait(None)

    def break_off(self, _: str) -> None:
        self.sources.said.put_nowait(ResponseBrokenOff())

    def fail(self, _: str) -> None:
        self.sources.said.put_nowait(RuntimeError("a mistake"))

    def pause(self, _: str) -> None:
        if not self.transport.is_closing():
            self.connection.pause_writing()

    def resume(self, _: str) -> None:
        if not self.transport.is_closing():
            self.connection.resume_writing()

    def look(self, _: str) -> None:
        self.connection.end_if_stuck(self.pulse.seconds - 5)

    def lose(self, _: str = "") -> None:
        self.transport.close()

    def say_no_more(self, _: str) -> None:
        if self._has_said_all or self.transport.is_closing():
            return
        self._has_said_all = True
        if not self.connection.eof_received():
            self.transport.close()

    def arrive(self) -> None:
        """What has been asked comes in, when the connection reads."""
        self.pulse.seconds += 1
        is_heard = self.transport.is_reading and not self.transport.is_closing()
        if self._unread and is_heard and not self._has_said_all:
            self.connection.data_received(self._unread)
            self._unread = b""


@given(st.lists(ACTIONS, max_size=40))
def test_every_stream_ends_and_nothing_is_left(actions: list[tuple[str, str]]) -> None:
    asyncio.run(play(actions))


async def play(actions: list[tuple[str, str]]) -> None:
    # Given
    line = Line()
    for do, what in actions:
        getattr(line, do)(what)
        line.arrive()
        await turns(3)
    # When the client goes and every source comes to its end
    line.lose()
    for _ in range(50):
        if line.siblings.is_empty.is_set():
            break
        line.end()
        await turns(5)
    # Then
    assert line.siblings.is_empty.is_set()
    assert not list(line.siblings)
    assert line.sources.ended == line.sources.begun
    assert len(asyncio.all_tasks()) == 1
    check(Answers(line.transport.sent, line.heads), line.sources)


def check(answers: Answers, sources: Sources) -> None:
    """What came is what was promised, in order; the last may be cut off, and what broke off is."""
    for came, said in zip(answers.bodies, sources.promised, strict=False):
        assert said.startswith(came)
    assert answers.whole in ([*range(len(answers.bodies))], [*range(len(answers.bodies) - 1)])
    assert not sources.broken & {*answers.whole} - answers.without_body


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
