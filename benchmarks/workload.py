"""A load client as cheap as one in Python can be, since it runs on the server's own cores.

Plain sockets, one thread, connections kept alive, requests that are bytes already. Of an answer
only the status, the length and AWS's mark of a failed function are looked at.

Closed loop: every connection asks again as soon as it has its answer; this measures throughput.
Open loop: requests arrive when the schedule says, and latency counts from there, so that a slow
server cannot slow its own measurement.
All at once: every connection asks at the same moment, and not again.
"""

from __future__ import annotations

import json
import random
import resource
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from time import perf_counter

Address = tuple[str, int]

_RECEIVE_SIZE = 65_536
_TIMEOUT_SECONDS = 60
_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
)


class WorkloadError(Exception):
    """An answer that is not what the benchmark asked for."""


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; the head is in lower case."""

    status: int
    head: bytes
    body: bytes


class Connection:
    """One connection that is kept alive, with at most one request on its way."""

    def __init__(self, address: Address) -> None:
        self._socket = socket.create_connection(address, _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def close(self) -> None:
        """End it."""
        self._socket.close()

    def send(self, request: bytes) -> None:
        """Send a whole request."""
        self._socket.sendall(request)

    def receive(self) -> Response | None:
        """Receive once; the answer when it is complete now."""
        received = self._socket.recv(_RECEIVE_SIZE)
        if not received:
            raise WorkloadError("The server closed the connection.")
        self._received += received
        response = parse(self._received)
        if response is not None:
            self._received = b""
        return response

    def exchange(self, request: bytes) -> Response:
        """Send a request, wait for its answer."""
        self.send(request)
        while (response := self.receive()) is None:
            pass
        return response


def parse(received: bytes) -> Response | None:
    """The answer in `received`, None while some of it is missing."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = received[:end].lower()
    if head[9:12] == b"204":
        return Response(204, head, b"")
    field = head.find(b"\r\ncontent-length:")
    if field < 0:
        raise WorkloadError("The answer has no Content-Length.")
    length = int(head[field + 17 :].split(b"\r\n", 1)[0])
    body = received[end + 4 :]
    return Response(int(head[9:12]), head, body) if len(body) >= length else None


def check(response: Response) -> Response:
    """The response, unless it tells of a failure."""
    if response.status != 200 or b"x-amz-function-error" in response.head:
        raise WorkloadError(f"The server answered {response.status}: {response.body[:500]!r}")
    return response


def check_cold(response: Response) -> Response:
    """The response, if it is the first of its execution environment: our functions count."""
    if json.loads(check(response).body)["count"] != 1:
        raise WorkloadError(f"The invocation was not cold: {response.body!r}")
    return response


def invoke_request(function_name: str, payload: bytes = b"{}") -> bytes:
    """Invoke, signed by form only: nothing verifies a signature in the open mode."""
    return _post(f"/2015-03-31/functions/{function_name}/invocations", payload)


def event_request(function_name: str, payload: bytes = b"{}") -> bytes:
    """Invoke that does not wait for the function."""
    path = f"/2015-03-31/functions/{function_name}/invocations"
    return api_request("POST", path, payload, "X-Amz-Invocation-Type: Event")


def echo_request(payload: bytes = b"{}") -> bytes:
    """The same bytes but for the path, so that only the server differs."""
    return _post("/", payload)


def _post(path: str, payload: bytes) -> bytes:
    return api_request("POST", path, payload)


def api_request(
    method: str, path: str, payload: bytes = b"", *headers: str, service: str = "lambda"
) -> bytes:
    """Any request, signed by form only."""
    head = (
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: {_AUTHORIZATION.replace('/lambda/', f'/{service}/')}",
        "X-Amz-Date: 20260101T000000Z",
        f"Content-Length: {len(payload)}",
        *headers,
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + payload


def url_request(host: str, payload: bytes = b"{}") -> bytes:
    """To a function URL that anybody may call, by the name of its host."""
    head = (
        "POST / HTTP/1.1",
        f"Host: {host}",
        "Content-Type: application/json",
        f"Content-Length: {len(payload)}",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + payload


def get_request(path: str) -> bytes:
    """An unsigned GET."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def raise_descriptor_limit() -> None:
    """As many connections as this process may have; programs are often started with 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def open_connections(address: Address, count: int) -> Iterator[list[Connection]]:
    """`count` connections, closed at the end."""
    with ExitStack() as stack:
        connections = [Connection(address) for _ in range(count)]
        for connection in connections:
            stack.callback(connection.close)
        yield connections


class Crowd:
    """Connections that ask all at once; answers are taken when somebody looks."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self.waiting = 0  # for so many answers
        self._connections = {connection.fileno(): connection for connection in connections}
        self._poll = select.poll()  # select knows no descriptor beyond 1,023
        for descriptor in self._connections:
            self._poll.register(descriptor, select.POLLIN)

    def send(self, *requests: bytes) -> None:
        """Send one on every connection, in turn when there are several."""
        for connection, request in zip(self._connections.values(), cycle(requests)):
            connection.send(request)
        self.waiting = len(self._connections)

    def look(self, seconds: float = 0.0) -> bool:
        """Take what has come, waiting so long for the first; False when nothing has."""
        ready = self._poll.poll(seconds * 1000)
        for descriptor, _ in ready:
            response = self._connections[descriptor].receive()
            if response is not None:
                check(response)
                self.waiting -= 1
        return bool(ready)


def all_at_once(connections: Sequence[Connection], *requests: bytes) -> float:
    """Send one on every connection at the same moment, in turn when there are several: seconds
    until all have their answer."""
    crowd = Crowd(connections)
    started = perf_counter()
    crowd.send(*requests)
    while crowd.waiting:
        if not crowd.look(_TIMEOUT_SECONDS):
            raise WorkloadError(f"{crowd.waiting} of {len(connections)} requests have no answer.")
    return perf_counter() - started


def closed_loop(
    connections: Sequence[Connection],
    request: bytes,
    seconds: float,
    accept: Callable[[Response], object] = check,
) -> tuple[float, list[float]]:
    """Keep every connection busy for `seconds`: when that began, and when each answer came.

    What is on its way at the end is waited for, and not counted. `accept` raises WorkloadError for
    an answer that is not what was asked for.
    """
    answers: list[float] = []
    busy = set(connections)
    for connection in connections:
        connection.send(request)
    started = perf_counter()
    end = started + seconds
    while busy:
        for connection in _readable(busy):
            response = connection.receive()
            if response is None:
                continue
            accept(response)
            now = perf_counter()
            if now < end:
                answers.append(now)
                connection.send(request)
            else:
                busy.remove(connection)
    return started, answers


def rates(started: float, answers: Sequence[float], seconds: float, width: float) -> list[float]:
    """Answers per second in each window of `width` seconds."""
    counts = [0] * round(seconds / width)
    for moment in answers:
        window = int((moment - started) / width)
        if window < len(counts):
            counts[window] += 1
    return [count / width for count in counts]


def open_loop(
    connections: Sequence[Connection],
    request: bytes,
    *,
    rate: float,
    count: int,
    accept: Callable[[Response], object] = check,
) -> list[float]:
    """The latency of each of `count` requests that arrive at random, `rate` a second on average.

    A request that finds no connection idle waits for one, and its waiting counts.
    """
    idle = list(connections)
    busy: dict[Connection, float] = {}  # when the request on it arrived
    waiting: deque[float] = deque()
    arrivals = _arrivals(rate, count)
    latencies: list[float] = []
    while len(latencies) < count:
        while arrivals and arrivals[0] <= perf_counter():
            waiting.append(arrivals.popleft())
        while waiting and idle:
            connection = idle.pop()
            busy[connection] = waiting.popleft()
            connection.send(request)
        timeout = max(0.0, arrivals[0] - perf_counter()) if arrivals else _TIMEOUT_SECONDS
        for connection in _readable(busy, timeout):
            response = connection.receive()
            if response is not None:
                accept(response)
                latencies.append(perf_counter() - busy.pop(connection))
                idle.append(connection)
    return latencies


def _arrivals(rate: float, count: int) -> deque[float]:
    """Moments with random gaps between them, the same gaps in every run."""
    gaps = random.Random(0)
    moment = perf_counter()
    arrivals: deque[float] = deque()
    for _ in range(count):
        moment += gaps.expovariate(rate)
        arrivals.append(moment)
    return arrivals


def _readable(
    connections: set[Connection] | dict[Connection, float], timeout: float = _TIMEOUT_SECONDS
) -> list[Connection]:
    """Those that have something to read. select, since epoll in Python waits whole milliseconds."""
    return select.select(connections, (), (), timeout)[0]
