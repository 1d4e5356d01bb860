"""HTTP as the Runtime API may speak it."""

from __future__ import annotations

import hashlib
import socket
import time

import pytest
from scripted_api import ACCEPTED, event

ECHO = "def handler(e, c):\n    return e\n"


def _in_pieces(connection: socket.socket, data: bytes) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for start in range(0, len(data), 7):
        connection.sendall(data[start : start + 7])


def test_answers_may_come_in_pieces(run):
    outcome = run(ECHO, [event({"a": "b" * 50}), event(2)], write=_in_pieces)

    assert outcome.results() == [{"a": "b" * 50}, 2]


@pytest.mark.slow
def test_events_and_results_may_be_large(run):
    text = "0123456789" * 600_000

    outcome = run(ECHO, [event(text), event(1), event(text)])

    assert outcome.results() == [text, 1, text]


def test_a_body_may_be_chunked(run):
    head = event(Content_Type="application/json").partition(b"\r\n\r\n")[0]
    head = head.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
    body = b'5;x=y\r\n{"a":\r\n3\r\n 1}\r\n0\r\nTrailer: x\r\n\r\n'

    outcome = run(ECHO, [head + b"\r\n\r\n" + body, event(2)])

    assert outcome.results() == [{"a": 1}, 2]


def test_a_server_may_close_the_connection_after_an_answer(run):
    closing = event(1).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)

    outcome = run(ECHO, [closing, event(2)])

    assert outcome.results() == [1, 2]


def test_an_acknowledgement_may_close_the_connection(run):
    closing = ACCEPTED.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)

    outcome = run(ECHO, [event(1), event(2)], answer=lambda _: closing)

    assert outcome.results() == [1, 2]


def test_an_announcement_is_not_the_answer(run):
    outcome = run(ECHO, [b"HTTP/1.1 100 Continue\r\n\r\n" + event(1)])

    assert outcome.results() == [1]


def test_a_server_that_is_gone_ends_the_process(run):
    def hang_up(connection: socket.socket, data: bytes) -> None:
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionError

    outcome = run(ECHO, [event(1), b""], write=hang_up)

    assert outcome.posts == []


def test_a_default_timeout_of_the_function_is_not_ours(run):
    function = "import socket\nsocket.setdefaulttimeout(0.01)\ndef handler(e, c):\n    return e\n"

    def late(connection: socket.socket, data: bytes) -> None:
        time.sleep(0.05)  # longer than the timeout that must not count
        connection.sendall(data)

    assert run(function, [event(1), event(2)], write=late).results() == [1, 2]


def test_bytes_arrive_unchanged(run):
    function = "import os\ndef handler(e, c):\n    return bytes(range(256)) * 1000\n"

    outcome = run(function, [event()])

    assert hashlib.sha256(outcome.post.body).digest() == (
        hashlib.sha256(bytes(range(256)) * 1000).digest()
    )
    assert outcome.post.headers["content-type"] == "application/unknown"
