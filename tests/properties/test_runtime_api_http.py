"""Whatever a function sends to its Runtime API, the node's side of the wire holds."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.environment.http import Connection, Request
from lambdad.environment.runtime_api import RuntimeApi
from lambdad.model.invocation import Invocation
from lambdad.model.response_stream import ResponseStream

pytestmark = pytest.mark.slow
PREFIX = "/2018-06-01/runtime"
ANSWER = re.compile(rb"HTTP/1\.1 \d{3} ")

names = st.sampled_from(
    [
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Expect",
        "Upgrade",
        "Host",
        "Lambda-Runtime-Function-Response-Mode",
        "Lambda-Runtime-Function-Error-Body",
    ]
)
values = st.one_of(
    st.sampled_from(["0", "3", "-1", "99", "chunked", "close", "Upgrade", "streaming"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=8),
)
paths = st.sampled_from(
    ["/invocation/next", "/invocation/r1/response", "/invocation/r2/error", "/init/error", "/x"]
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Something like a request."""
    method = draw(st.sampled_from(["GET", "POST", "PUT", "CONNECT", "HEAD", "get"]))
    version = draw(st.sampled_from(["1.1", "1.1", "1.1", "1.0", "2.0"]))
    body = draw(st.binary(max_size=12))
    lines = [f"{method} {PREFIX}{draw(paths)} HTTP/{version}"]
    if draw(st.booleans()):
        lines.append(f"Content-Length: {len(body)}")
    lines += [
        f"{name}: {value}" for name, value in draw(st.lists(st.tuples(names, values), max_size=3))
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


streams = st.lists(st.one_of(requests(), requests(), st.binary(max_size=20)), max_size=6).map(
    b"".join
)


class Wire:
    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False

    def write(self, content: bytes) -> None:
        self.written += content

    def close(self) -> None:
        self.is_closed = True

    def get_extra_info(self, name: str) -> None:
        """It has no socket."""

    def is_closing(self) -> bool:
        return self.is_closed


class Counted:
    """A RuntimeApi, and how often it was asked."""

    max_body = 10

    def __init__(self) -> None:
        self.asked = 0
        self.lost_requests = 0
        self.api = RuntimeApi(
            on_next=self._deliver, on_init_error=lambda e: None, on_answer=lambda a: None
        )

    def open_stream(self, request: Request) -> ResponseStream | None:
        return self.api.open_stream(request)

    def handle(self, request: Request) -> None:
        self.asked += 1
        self.api.handle(request)

    def lost(self, request: Request | None) -> None:
        self.lost_requests += request is not None
        self.api.lost(request)

    def _deliver(self) -> None:
        self.api.deliver(Invocation("r1", b"{}", "arn", "trace", stream=ResponseStream(20)), 1)


def play(stream: bytes, cuts: list[int]) -> tuple[Counted, Wire]:
    counted, wire = Counted(), Wire()
    connection = Connection(counted)
    transport: Any = wire
    connection.connection_made(transport)
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    for start, end in itertools.pairwise(places):
        if wire.is_closed:
            break
        connection.data_received(stream[start:end])
    connection.connection_lost(None)
    return counted, wire


@settings(max_examples=200, deadline=None)
@given(streams, st.lists(st.integers(0, 500), max_size=5))
def test_arbitrary_bytes_never_raise_and_are_never_answered_twice(
    stream: bytes, cuts: list[int]
) -> None:
    counted, wire = play(stream, cuts)
    answers = len(ANSWER.findall(wire.written))
    assert answers + counted.lost_requests == counted.asked


@settings(max_examples=100, deadline=None)
@given(streams, st.lists(st.integers(0, 500), max_size=5))
def test_the_places_at_which_a_stream_is_cut_do_not_matter(stream: bytes, cuts: list[int]) -> None:
    assert play(stream, cuts)[1].written == play(stream, [])[1].written
