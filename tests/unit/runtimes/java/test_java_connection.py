"""The Java runtime and the Runtime API: what comes late, large or wrong."""

from __future__ import annotations

import socket

from scripted_api import ACCEPTED, event

ECHO = "example.Interfaces$Echo"


def test_a_large_event_and_a_large_result_pass(run_java):
    text = "ë" * 3_000_000
    assert run_java(ECHO, [event(text)]).results() == [text]


def test_an_event_that_comes_in_pieces_is_whole(run_java):
    def write(connection: socket.socket, reply: bytes) -> None:
        for start in range(0, len(reply), 7):
            connection.sendall(reply[start : start + 7])

    assert run_java(ECHO, [event("pieces" * 10)], write=write).results() == ["pieces" * 10]


def chunked(whole: bytes) -> bytes:
    """The same answer in chunks of three bytes, with what may stand beside them."""
    head, _, body = whole.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    lines += [b"Transfer-Encoding: chunked", b"", b""]
    pieces = [body[start : start + 3] for start in range(0, len(body), 3)]
    chunks = [b"%X;of=it\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    return b"\r\n".join(lines) + b"".join(chunks) + b"0\r\nTrailer: t\r\n\r\n"


def test_an_event_that_comes_in_chunks_is_whole(run_java):
    given = [chunked(event("chunks" * 10)), event("next")]
    assert run_java(ECHO, given).results() == ["chunks" * 10, "next"]


def test_what_a_server_says_before_its_answer_is_passed_over(run_java):
    early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: l\r\n\r\n"
    outcome = run_java(ECHO, [early + event(1), event(2)], answer=lambda exchange: early + ACCEPTED)
    assert outcome.results() == [1, 2]


def test_a_connection_that_was_closed_meanwhile_is_opened_again(run_java):
    closing = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    outcome = run_java(ECHO, [event(1), event(2)], answer=lambda exchange: closing)
    assert outcome.results() == [1, 2]


def test_a_result_that_is_refused_as_too_large_does_not_end_the_process(run_java):
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}"
    outcome = run_java(ECHO, [event(1), event(2)], answer=lambda exchange: refusal)
    assert outcome.results() == [1, 2]
    assert "status 413. {}" in outcome.text


def test_a_result_that_is_cut_off_halfway_does_not_end_the_process(run_java):
    outcome = run_java(ECHO, [event("x" * 200_000), event("y")], limit=100_000)
    assert outcome.results()[-1] == "y"


def test_without_the_runtime_api_the_process_ends(run_java):
    refusal = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
    outcome = run_java(ECHO, [refusal])
    assert outcome.status == 1
    assert "The Runtime API gave no event, but status 500\n" in outcome.text


def test_a_response_that_is_refused_ends_the_process(run_java):
    refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    outcome = run_java(ECHO, [event(1), event(2)], answer=lambda exchange: refusal)
    assert outcome.results() == [1]
    assert outcome.status == 1
