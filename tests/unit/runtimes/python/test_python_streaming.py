"""A handler that returns an iterator: what goes over the wire, piece by piece.

The scripted Runtime API takes a stream apart into its chunks and trailers.
"""

from __future__ import annotations

import json
import socket
from base64 import b64decode

import pytest
from lambdad_runtime import streaming
from lambdad_runtime.errors import Fault
from scripted_api import ACCEPTED, REQUEST_ID, event

HTTP = "application/vnd.awslambda.http-integration-response"
TYPE = "lambda-runtime-function-error-type"
BODY = "lambda-runtime-function-error-body"
TOO_LARGE = b"HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 2\r\n\r\n{}"


def handler(*statements):
    body = "".join(f"    {statement}\n" for statement in statements)
    return f"import os, sys\ndef handler(event, context):\n{body}"


def error_of(post):
    return json.loads(b64decode(post.trailers[BODY]))


def test_each_piece_is_a_chunk(interpreter, run):
    function = handler(
        'yield "Zo\\u00eb"', 'yield b""', 'yield b"\\0\\xff"', 'yield bytearray(b"a")',
        'yield memoryview(b"bc")', 'yield "\\ud800"',
    )  # fmt: skip
    outcome = run(function, [event()], python=interpreter[1])

    post = outcome.post
    assert post.path == f"/2018-06-01/runtime/invocation/{REQUEST_ID}/response"
    assert post.headers["content-type"] == "application/octet-stream"
    assert post.headers["transfer-encoding"] == "chunked"
    assert post.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert post.headers["trailer"].lower() == f"{TYPE}, {BODY}"
    assert "content-length" not in post.headers
    assert post.chunks == ["Zoë".encode(), b"\0\xff", b"a", b"bc", b"\\ud800"]
    assert post.trailers == {}
    assert outcome.text == ""


def test_an_object_ahead_of_the_others_is_a_prelude(interpreter, run):
    function = handler('yield {"statusCode": 201, "cookies": ["a"]}', 'yield "body"')
    post = run(function, [event()], python=interpreter[1]).post

    assert post.headers["content-type"] == HTTP
    assert post.chunks == [b'{"statusCode": 201, "cookies": ["a"]}' + bytes(8), b"body"]


def test_the_next_event_follows_in_the_same_process(interpreter, run):
    function = """
count = 0
def handler(event, context):
    global count
    count += 1
    return iter([f"{event}{count}"]) if event == "stream" else count
"""
    outcome = run(
        function, [event("stream"), event("plain"), event("stream")], python=interpreter[1]
    )

    assert [post.body for post in outcome.posts] == [b"stream1", b"2", b"stream3"]
    assert [exchange.method for exchange in outcome.exchanges] == ["GET", "POST"] * 3 + ["GET"]


def test_an_iterator_of_nothing_is_an_empty_stream(run):
    post = run(handler("return iter(())"), [event()]).post
    assert (post.headers["transfer-encoding"], post.chunks) == ("chunked", [])


@pytest.mark.parametrize("result", ["[1]", "(1,)", "'x'", "{}.keys().__class__.__name__"])
def test_what_is_no_iterator_is_no_stream(run, result):
    post = run(handler(f"return {result}"), [event()]).post
    assert "transfer-encoding" not in post.headers


def test_what_raises_before_the_first_piece_is_a_failure_as_every_other(interpreter, run):
    post = run(handler('raise KeyError("x")', "yield 1"), [event()], python=interpreter[1]).post

    assert post.path.endswith("/error")
    assert post.json["errorType"] == "KeyError"


@pytest.mark.parametrize("first", ["1", "None", "[1]", "object()", '{"a": object()}'])
def test_a_first_piece_that_cannot_be_sent_is_one_too(run, first):
    post = run(handler(f"yield {first}"), [event()]).post

    assert post.path.endswith("/error")
    assert post.json["errorType"] == "Runtime.MarshalError"
    assert post.json["errorMessage"].startswith("Unable to marshal response: ")


def test_what_raises_later_is_told_behind_what_was_sent(interpreter, run):
    function = handler('yield "begun"', "inner()", 'yield "never"') + (
        'def inner():\n    raise ValueError("größer")\n'
    )
    outcome = run(function, [event(), event()], python=interpreter[1])

    for post in outcome.posts:
        assert post.path.endswith("/response")
        assert post.chunks == [b"begun"]
        assert post.trailers[TYPE] == "ValueError"
        error = error_of(post)
        assert (error["errorType"], error["errorMessage"]) == ("ValueError", "größer")
        assert [line.split("in ")[1].split("\n")[0] for line in error["stackTrace"]] == [
            "handler",
            "inner",
        ]
    assert len(outcome.posts) == 2
    assert outcome.text.count("[ERROR] ValueError: größer") == 2


@pytest.mark.parametrize("piece", ["1", "None", "{}"])
def test_a_later_piece_that_cannot_be_sent_ends_it(run, piece):
    post = run(handler('yield "a"', f"yield {piece}"), [event()]).post

    assert post.chunks == [b"a"]
    assert post.trailers[TYPE] == "Runtime.MarshalError"
    assert "a stream has text or bytes, not " in error_of(post)["errorMessage"]


def test_output_is_flushed_before_the_end(run):
    outcome = run(handler('sys.stdout.write("half")', 'yield "a"'), [event()])
    assert outcome.text == "half"


def test_a_large_piece_arrives_whole(run):
    post = run(handler('yield b"x" * 1000000', 'yield b"y" * 70000'), [event()]).post
    assert [len(chunk) for chunk in post.chunks] == [1000000, 70000]


def test_who_is_cut_off_writes_no_more_and_takes_the_next_event(interpreter, run):
    # Given a server that ends the connection when it has had enough
    function = handler(
        "try:", "    while True:", '        yield b"x" * 100000', "finally:", '    print("closed")'
    )
    outcome = run(
        function, [event(), event()], python=interpreter[1], limit=1000000
    )  # fmt: skip

    # Then
    assert outcome.text == "closed\nclosed\n"
    assert [exchange.method for exchange in outcome.exchanges] == ["GET", "POST"] * 2 + ["GET"]


def test_a_stream_that_was_too_large_is_told_in_the_log(run):
    answers = iter([TOO_LARGE, ACCEPTED])
    outcome = run(handler('yield "a"'), [event(), event()], answer=lambda exchange: next(answers))

    assert len(outcome.posts) == 2
    assert "Failed to post handler streaming response. Http response code: 413. {}" in outcome.text


def test_a_piece_is_sent_though_the_socket_takes_it_in_parts():
    from lambdad_runtime.connection import Connection

    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        connection = Connection.__new__(Connection)
        connection._socket = Trickling(ours)
        connection.send_pieces(b"5\r\n", b"abcde", b"\r\n")
        assert theirs.recv(100) == b"5\r\nabcde\r\n"


class Trickling:
    """A socket that takes four bytes at first."""

    def __init__(self, under):
        self.under = under
        self.sendall = under.sendall

    def sendmsg(self, pieces):
        return self.under.send(b"".join(pieces)[:4])


def test_a_piece_is_text_or_bytes():
    assert streaming.to_bytes("ä") == b"\xc3\xa4"
    with pytest.raises(Fault):
        streaming.to_bytes(3)
