"""The load client: what it takes for an answer, and what it counts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from benchmarks.workload import (
    Address,
    Connection,
    Crowd,
    WorkloadError,
    all_at_once,
    check,
    check_cold,
    open_connections,
    open_loop,
    parse,
    rates,
)

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
DELAY = 0.02


@pytest.fixture
def slow_server() -> Iterator[Address]:
    """Answers one request after the other on one connection, each after `DELAY`."""
    listener = socket.create_server(("127.0.0.1", 0))
    wait = threading.Event().wait

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while connection.recv(4096):
                wait(DELAY)
                connection.sendall(ANSWER)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()
    thread.join()
    listener.close()


@pytest.mark.parametrize("end", range(len(ANSWER)))
def test_an_answer_is_not_complete_before_its_last_byte(end: int) -> None:
    assert parse(ANSWER[:end]) is None


def test_status_and_body_are_read_from_a_complete_answer() -> None:
    response = parse(ANSWER)

    assert response is not None
    assert (response.status, response.body) == (200, b"{}")


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(WorkloadError):
        parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_an_answer_of_a_failed_function_does_not_count() -> None:
    response = parse(ANSWER.replace(b"\r\n\r\n", b"\r\nX-Amz-Function-Error: Unhandled\r\n\r\n"))

    assert response is not None
    with pytest.raises(WorkloadError):
        check(response)


def test_only_the_first_answer_of_an_environment_is_a_cold_one() -> None:
    first, second = (
        parse(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + b'{"count": %d}' % count)
        for count in (1, 2)
    )

    assert first is not None
    assert second is not None
    assert check_cold(first) is first
    with pytest.raises(WorkloadError):
        check_cold(second)


def test_a_crowd_is_done_when_everyone_has_an_answer() -> None:
    # Given two who ask at once
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        open_connections(listener.getsockname(), 2) as connections,
        listener.accept()[0] as first,
        listener.accept()[0] as second,
    ):
        crowd = Crowd(connections)
        crowd.send(b"request")
        has_news = crowd.look()
        waiting = [crowd.waiting]
        # When one is answered, half of the other's answer is there, and then all of it
        for server, part in ((first, ANSWER), (second, ANSWER[:10]), (second, ANSWER[10:])):
            server.sendall(part)
            assert crowd.look(1)
            waiting.append(crowd.waiting)
    # Then
    assert not has_news
    assert waiting == [2, 1, 1, 0]


def test_all_at_once_takes_as_long_as_the_slowest_answer(slow_server: Address) -> None:
    with open_connections(slow_server, 1) as connections:
        assert all_at_once(connections, b"request") >= DELAY


def test_rates_count_the_answers_of_each_window() -> None:
    # Given one answer in the first window, three in the second, and one after the end.
    answers = [10.1, 10.5, 10.7, 10.9, 11.2]

    assert rates(10.0, answers, seconds=1.0, width=0.5) == [2.0, 6.0]


def test_a_slow_server_cannot_slow_its_own_measurement(slow_server: Address) -> None:
    # Given three requests that arrive at almost the same moment, and one connection.
    with open_connections(slow_server, 1) as connections:
        # When the server answers one after the other.
        latencies = open_loop(connections, b"request", rate=100_000, count=3)

    # Then each one's wait for those before it is in its latency.
    assert [round(latency / DELAY) >= n for n, latency in enumerate(latencies, 1)] == [True] * 3


def test_a_connection_that_the_server_closes_is_an_error() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    connection = Connection(listener.getsockname())
    listener.accept()[0].close()
    listener.close()

    with pytest.raises((WorkloadError, ConnectionError)):
        connection.exchange(b"request")
    connection.close()
