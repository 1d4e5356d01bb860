"""HTTP as the Runtime API may speak it, and as functions may not hear it."""

from __future__ import annotations

import socket

from scripted_api import ACCEPTED, event

ECHO = "exports.handler = async (event) => event"


def _in_pieces(connection: socket.socket, data: bytes) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for start in range(0, len(data), 7):
        connection.sendall(data[start : start + 7])


def test_answers_may_come_in_pieces(run_node):
    outcome = run_node(ECHO, [event({"a": "ë" * 50}), event(2)], write=_in_pieces)
    assert outcome.results() == [{"a": "ë" * 50}, 2]


def test_a_body_may_be_chunked(run_node):
    head = event(Content_Type="application/json").partition(b"\r\n\r\n")[0]
    head = head.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
    body = b'5;x=y\r\n{"a":\r\n3\r\n 1}\r\n0\r\nTrailer: x\r\n\r\n'
    outcome = run_node(ECHO, [head + b"\r\n\r\n" + body, event(2)], write=_in_pieces)
    assert outcome.results() == [{"a": 1}, 2]


def test_a_server_may_close_the_connection_after_an_answer(run_node):
    closing = event(1).replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
    assert run_node(ECHO, [closing, event(2)]).results() == [1, 2]


def test_a_server_may_speak_the_older_http(run_node):
    older = ACCEPTED.replace(b"HTTP/1.1", b"HTTP/1.0")
    outcome = run_node(ECHO, [event(1), event(2)], answer=lambda _: older)
    assert outcome.results() == [1, 2]


def test_an_announcement_is_not_the_answer(run_node):
    outcome = run_node(ECHO, [b"HTTP/1.1 100 Continue\r\n\r\n" + event(1)])
    assert outcome.results() == [1]


def test_a_server_that_is_gone_ends_the_process(run_node):
    def hang_up(connection: socket.socket, data: bytes) -> None:
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionError

    outcome = run_node(ECHO, [event(1)], write=hang_up)
    assert (outcome.status, outcome.posts) == (1, [])


def test_what_a_function_does_to_http_is_not_done_to_the_runtime(run_node):
    function = """
    const http = require('node:http')
    let requests = 0
    for (const name of ['request', 'get']) {
      const original = http[name]
      http[name] = (...all) => { requests += 1; return original(...all) }
    }
    require('node:diagnostics_channel').subscribe('http.client.request.start', () => requests++)
    exports.handler = async () => requests"""
    assert run_node(function, [event(), event()]).results() == [0, 0]
