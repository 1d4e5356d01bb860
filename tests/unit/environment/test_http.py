"""One connection of a sandbox: bounded, in order, and answered once."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from lambdad.environment.http import MAX_HEADER_BYTES, Connection, Request
from lambdad.environment.runtime_api import Answer, ErrorResponse, RuntimeApi
from lambdad.model.invocation import Invocation
from lambdad.model.response_stream import HIGH_WATER, ResponseStream

NEXT = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
MB = 1 << 20


def post(body: bytes, path: str = "/p", headers: str = "") -> bytes:
    head = f"POST {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


class Wire:
    """The transport of a connection."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False
        self.is_read = True

    def write(self, content: bytes) -> None:
        assert not self.is_closed, "written to a closed transport"
        self.written += content

    def close(self) -> None:
        self.is_closed = True

    def get_extra_info(self, name: str) -> None:
        """It has no socket."""

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        assert not self.is_closed
        self.is_read = False

    def resume_reading(self) -> None:
        assert not self.is_closed
        self.is_read = True


class Desk:
    """Routes that keep what they are handed."""

    max_body = 100

    def __init__(self, *, is_prompt: bool = True) -> None:
        self.is_prompt = is_prompt
        self.seen: list[tuple[str, str, dict[str, str], bytes, bool]] = []
        self.request: Request | None = None
        self.losses: list[Request | None] = []
        self.stream = ResponseStream(1_000_000)
        self.trailers: dict[str, str] = {}

    def open_stream(self, request: Request) -> ResponseStream | None:
        return self.stream if request.path == "/stream" else None

    def handle(self, request: Request) -> None:
        self.trailers = request.trailers
        self.seen.append(
            (request.method, request.path, request.headers, request.body, request.is_too_large)
        )
        self.request = request
        if self.is_prompt:
            request.answer(200, b"ok")

    def lost(self, request: Request | None) -> None:
        self.losses.append(request)


class Line:
    def __init__(self, *, is_prompt: bool = True) -> None:
        self.desk = Desk(is_prompt=is_prompt)
        self.connection = Connection(self.desk)
        self.wire = Wire()
        wire: Any = self.wire
        self.connection.connection_made(wire)

    def send(self, content: bytes) -> None:
        if not self.wire.is_closed:
            self.connection.data_received(content)

    @property
    def answers(self) -> int:
        return self.wire.written.count(b"HTTP/1.1 ")


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def slow_line() -> Line:
    return Line(is_prompt=False)


def test_a_request_is_handed_on_when_it_is_whole(line: Line) -> None:
    request = post(b'{"a": 1}', "/path?query", "X-Mixed-Case: Value\r\n")
    for position in range(len(request)):
        assert line.desk.seen == []
        line.send(request[position : position + 1])
    ((method, path, headers, body, is_too_large),) = line.desk.seen
    assert (method, path, body, is_too_large) == ("POST", "/path?query", b'{"a": 1}', False)
    assert headers["x-mixed-case"] == "Value"


def test_an_answer_has_its_length_and_its_headers(line: Line) -> None:
    line.desk.is_prompt = False
    line.send(NEXT)
    assert line.desk.request is not None
    line.desk.request.answer(200, b"event", "Lambda-Runtime-Aws-Request-Id: r1\r\n")
    head, _, body = line.wire.written.partition(b"\r\n\r\n")
    assert body == b"event"
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: application/json",
        b"Content-Length: 5",
        b"Lambda-Runtime-Aws-Request-Id: r1",
    ]


def test_a_connection_serves_one_request_after_the_other(line: Line) -> None:
    for number in range(3):
        line.send(post(b"%d" % number))
    assert [seen[3] for seen in line.desk.seen] == [b"0", b"1", b"2"]
    assert line.answers == 3
    assert not line.wire.is_closed


def test_requests_that_come_in_one_piece_are_answered_in_order(line: Line) -> None:
    line.send(post(b"1") + NEXT + post(b"2"))
    assert [seen[3] for seen in line.desk.seen] == [b"1", b"", b"2"]
    assert line.answers == 3


def test_more_than_a_handful_in_one_piece_ends_the_connection_and_holds_nothing(
    line: Line,
) -> None:
    """Each answer would be held with all before it, and nobody else's turn would come."""
    line.send(NEXT * 20_000)
    assert line.wire.is_closed
    assert len(line.desk.seen) == line.answers < 20
    assert line.connection._held == []


def test_a_handful_in_each_of_many_pieces_is_served(line: Line) -> None:
    for _ in range(20):
        line.send(NEXT * 5)
    assert line.answers == 100
    assert not line.wire.is_closed


def test_who_does_not_read_answers_is_not_heard_until_he_does(line: Line) -> None:
    line.connection.pause_writing()
    assert not line.wire.is_read
    line.connection.resume_writing()
    assert line.wire.is_read


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_connection_that_ends_is_neither_paused_nor_resumed(line: Line, is_lost: bool) -> None:
    """A transport that closes would raise, or is there no more."""
    line.connection.close()
    if is_lost:
        line.connection.connection_lost(None)
    line.connection.pause_writing()
    line.connection.resume_writing()


def test_a_request_before_the_last_answer_ends_the_connection(slow_line: Line) -> None:
    slow_line.send(NEXT + NEXT)
    assert slow_line.wire.is_closed
    assert len(slow_line.desk.seen) == 1
    slow_line.connection.connection_lost(None)
    assert slow_line.desk.losses == [slow_line.connection]


def test_an_answer_to_a_connection_that_is_gone_does_no_harm(slow_line: Line) -> None:
    slow_line.send(NEXT)
    slow_line.connection.connection_lost(None)
    assert slow_line.desk.losses == [slow_line.connection]
    assert slow_line.desk.request is not None
    slow_line.desk.request.answer(200, b"late")
    assert slow_line.wire.written == b""


def test_a_loss_after_the_answer_is_the_loss_of_no_request(line: Line) -> None:
    line.send(NEXT)
    line.connection.connection_lost(None)
    assert line.desk.losses == [None]


def test_half_a_request_is_nobodys_business(line: Line) -> None:
    line.send(post(b"12345")[:-1])
    line.connection.connection_lost(None)
    assert line.desk.seen == []
    assert line.desk.losses == [None]


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"]
)
def test_a_client_that_keeps_nothing_alive_is_left(line: Line, request_: bytes) -> None:
    line.send(request_)
    assert line.answers == 1
    assert line.wire.is_closed


# Sizes


def test_a_body_of_just_the_size_is_taken(line: Line) -> None:
    line.send(post(b"x" * 100))
    assert line.desk.seen[0][3:] == (b"x" * 100, False)


@pytest.mark.parametrize("size", [101, 100_000])
def test_a_body_that_is_too_large_is_said_to_be_and_not_kept(line: Line, size: int) -> None:
    line.send(post(b"x" * size))
    assert line.desk.seen[0][3:] == (b"", True)
    line.send(post(b"y"))  # and the connection goes on
    assert line.desk.seen[1][3:] == (b"y", False)


def test_a_chunked_body_is_bounded_too(line: Line) -> None:
    line.send(b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(50):
        line.send(b"4\r\nabcd\r\n")
    line.send(b"0\r\n\r\n")
    assert line.desk.seen[0][3:] == (b"", True)
    line.send(b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n")
    assert line.desk.seen[1][3:] == (b"abcd", False)


def test_headers_up_to_the_limit_are_taken(line: Line) -> None:
    line.send(b"GET / HTTP/1.1\r\nX: " + b"a" * (MAX_HEADER_BYTES - 100) + b"\r\n\r\n")
    assert len(line.desk.seen) == 1


def test_a_header_of_a_mebibyte_is_taken(line: Line) -> None:
    """As AWS's runtime interface client sends the cause of a failure, in UTF-8."""
    cause = ("ü" * (1 << 19))[:-1]
    request = post(b"{}", headers=f"Lambda-Runtime-Function-XRay-Error-Cause: {cause}\r\n")
    for position in range(0, len(request), 50_000):
        line.send(request[position : position + 50_000])
    ((_, _, headers, body, _),) = line.desk.seen
    assert body == b"{}"
    assert len(headers["lambda-runtime-function-xray-error-cause"]) == (1 << 20) - 2


def test_a_hundred_headers_are_taken_and_no_more(line: Line) -> None:
    for count in (100, 101):
        fields = "".join(f"X{number}: y\r\n" for number in range(count))
        line.send(f"GET / HTTP/1.1\r\n{fields}\r\n".encode())
    assert [len(seen[2]) for seen in line.desk.seen] == [100]
    assert line.wire.is_closed


ENDLESS = {
    "a path": (b"GET /", b"a" * 10_000),
    "many headers": (b"GET / HTTP/1.1\r\n", b"X: y\r\n" * 2_000),
    "one header": (b"GET / HTTP/1.1\r\nX: ", b"a" * 10_000),
    "the name of a header": (b"GET / HTTP/1.1\r\nX", b"a" * 10_000),
    "a trailer": (
        b"POST /p HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ",
        b"a" * 10_000,
    ),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_never_ends_is_cut_off(line: Line, what: str) -> None:
    """A function that sends and sends must not fill the node's memory with it."""
    start, more = ENDLESS[what]
    line.send(start)
    for _ in range(6 * MAX_HEADER_BYTES // len(more)):
        line.send(more)
    assert line.wire.is_closed
    assert line.desk.seen == []


def test_a_body_is_not_kept_after_its_answer(line: Line) -> None:
    line.send(post(b"x" * 100))
    assert line.connection.body == b""


# What is no request


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00",
        b"\x16\x03\x01\x02\x00",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nA\x00B: c\r\n\r\n",
    ],
)
def test_what_is_no_request_ends_the_connection(line: Line, garbage: bytes) -> None:
    line.send(garbage)
    assert line.wire.is_closed
    assert line.answers == 0


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"CONNECT host:1 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nmore",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_a_wish_for_another_protocol_is_no_failure_of_ours(
    line: Line, request_: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """What raises here is logged by the event loop, with a traceback, as often as a function
    likes."""
    line.send(request_)
    assert line.answers <= 1
    assert caplog.record_tuples == [] or caplog.records[0].levelno < logging.ERROR


STREAMED = b"POST /stream HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: Fate\r\n\r\n"


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(content), content)


async def test_a_streamed_body_can_be_read_before_its_end(line: Line) -> None:
    line.send(STREAMED + chunk(b"first"))
    assert await line.desk.stream.read() == b"first"
    assert line.desk.seen == []
    line.send(chunk(b"last") + b"0\r\nFate: sealed\r\n\r\n")
    assert await line.desk.stream.read() == b"last"
    ((method, path, headers, body, _),) = line.desk.seen
    assert (method, path, body) == ("POST", "/stream", b"")
    assert "fate" not in headers
    assert line.desk.trailers == {"fate": "sealed"}


async def test_a_stream_is_read_no_faster_than_its_reader_takes_it(line: Line) -> None:
    line.send(STREAMED + chunk(bytes(HIGH_WATER)))
    assert not line.wire.is_read
    line.connection.pause_writing()
    line.connection.resume_writing()
    assert not line.wire.is_read
    await line.desk.stream.read()
    assert line.wire.is_read


def test_a_stream_that_nobody_reads_any_more_holds_nobody_up(line: Line) -> None:
    line.send(STREAMED + chunk(bytes(HIGH_WATER)))
    line.desk.stream.abandon()
    assert line.wire.is_read
    line.send(chunk(bytes(HIGH_WATER)) + b"0\r\n\r\n")
    assert line.answers == 1


def test_who_reads_learns_that_a_stream_broke_off(line: Line) -> None:
    line.send(STREAMED + chunk(b"first"))
    line.connection.connection_lost(None)
    assert line.desk.losses == [line.connection]


def test_a_connection_that_ends_while_its_stream_is_full_is_left_alone(line: Line) -> None:
    line.send(STREAMED + chunk(bytes(HIGH_WATER)))
    line.wire.is_closed = True
    line.connection.connection_lost(None)
    line.desk.stream.end()
    assert not line.wire.is_read


def test_a_stream_that_is_cut_off_is_answered_and_its_connection_ends(line: Line) -> None:
    def refuse() -> None:
        line.connection.cut_off()
        line.connection.answer(413, b"{}")

    line.desk.stream = ResponseStream(3)
    line.desk.stream.begin("text/plain", refuse)
    line.send(STREAMED + chunk(b"too much"))
    assert line.wire.written.startswith(b"HTTP/1.1 413 ")
    assert line.wire.is_closed
    line.connection.data_received(chunk(b"and more"))
    assert (line.desk.seen, line.answers) == ([], 1)


def test_what_came_with_a_stream_that_is_cut_off_is_not_obeyed(line: Line) -> None:
    line.desk.stream = ResponseStream(3)
    line.desk.stream.begin("text/plain", lambda: line.connection.cut_off())
    line.send(STREAMED + chunk(b"too much") + b"0\r\n\r\n" + NEXT)
    assert line.desk.seen == []


def test_a_trailer_is_no_header(line: Line) -> None:
    line.send(post(b"")[:-2].replace(b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n"))
    line.send(b"\r\n0\r\nLate: yes\r\n\r\n")
    assert line.connection.header(b"late") == ""
    assert line.desk.trailers == {"late": "yes"}


async def test_a_reader_that_catches_up_does_not_let_in_who_reads_no_answers(line: Line) -> None:
    line.send(STREAMED + chunk(bytes(HIGH_WATER)))
    line.connection.pause_writing()
    await line.desk.stream.read()
    assert not line.wire.is_read
    line.connection.resume_writing()
    assert line.wire.is_read


# With the Runtime API behind it

STREAM_LIMIT = 1_000
STREAMED_R1 = (
    b"POST /2018-06-01/runtime/invocation/r1/response HTTP/1.1\r\n"
    b"Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"
)
NEXT_EVENT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"
HUNDRED = b"64\r\n" + bytes(100) + b"\r\n"


async def test_who_streams_too_much_fails_once_and_harms_no_other_event() -> None:
    # Given an event, and a second one for the same runtime
    answers: list[Answer] = []
    api = RuntimeApi(on_next=lambda: None, on_init_error=answers.append, on_answer=answers.append)
    writer, wire = connect(api)
    stream, second = ResponseStream(STREAM_LIMIT), ResponseStream(STREAM_LIMIT)
    writer.data_received(NEXT_EVENT)
    api.deliver(Invocation("r1", b"{}", "arn", "", stream=stream), 0)
    # When more comes than may, and more, also while there is the second event
    writer.data_received(STREAMED_R1)
    for _ in range(1_000):
        writer.data_received(HUNDRED)
    api.deliver(Invocation("r2", b"{}", "arn", "", stream=second), 0)
    for _ in range(1_000):
        writer.data_received(HUNDRED)
    # Then the first has failed, once
    (failure,) = answers
    assert isinstance(failure, ErrorResponse)
    assert json.loads(failure.payload)["errorType"] == "Function.ResponseSizeTooLarge"
    assert len(await stream.read()) == STREAM_LIMIT
    assert not second.has_begun
    # And its writer is told so and cut off; the second event comes on another connection
    assert wire.written.count(b"HTTP/1.1 413 ") == 1
    assert wire.is_closed
    other, answer = connect(api)
    other.data_received(NEXT_EVENT)
    assert b"Lambda-Runtime-Aws-Request-Id: r2" in answer.written
    assert len(answers) == 1


def connect(api: RuntimeApi) -> tuple[Connection, Wire]:
    connection, wire = Connection(api), Wire()
    transport: Any = wire
    connection.connection_made(transport)
    return connection, wire


def test_who_asks_first_is_told_to_go_on(line: Line) -> None:
    head, _, body = post(b"abc", headers="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    line.send(head + b"\r\n\r\n")
    assert line.wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.send(body)
    assert line.desk.seen[0][3] == b"abc"
