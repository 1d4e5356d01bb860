"""Clients that send events all the time, and write down what they were told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from random import Random
from threading import Event, Thread
from typing import Any
from urllib.parse import quote, urlsplit

from history import Answer, Sent

PATIENCE = 60.0  # seconds for an answer; a stopped node gives none for a while
PAUSE = 0.02  # after a connection that could not be made
_HEADERS = {
    "X-Amz-Invocation-Type": "Event",
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, "
    "SignedHeaders=host, Signature=00",
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Events for one function: how many beside those of the others, how long each runs at most
    (seconds), what its payload says besides, and the function's reserved concurrency."""

    function: str
    share: float
    longest: float
    more: tuple[tuple[str, Any], ...] = ()
    reserved: int | None = None


class Load:
    """So many clients, each with a connection that it keeps, that together send `rate` events a
    second as long as they are answered. `url` is asked whenever one connects."""

    def __init__(
        self,
        url: Callable[[], str],
        traffic: Sequence[Traffic],
        *,
        seed: int,
        clients: int,
        rate: float,
    ) -> None:
        self._is_over = Event()
        self._clients = [
            _Client(url, traffic, Random(f"{seed}-{n}"), f"{n}", clients / rate, self._is_over)
            for n in range(clients)
        ]

    def __enter__(self) -> Load:
        for client in self._clients:
            client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Send no more, and wait for the last answers."""
        self._is_over.set()
        for client in self._clients:
            client.join()

    @property
    def sent(self) -> tuple[Sent, ...]:
        """What has been answered so far, or never will be."""
        return tuple(sent for client in self._clients for sent in tuple(client.sent))

    def has_accepted_since(self, moment: float) -> bool:
        """Whether an event was accepted that was sent after a moment."""
        return any(
            sent.answer is Answer.ACCEPTED and sent.sent_at > moment
            for client in self._clients
            for sent in client.sent[-20:]
        )


class _Client(Thread):
    def __init__(
        self,
        url: Callable[[], str],
        traffic: Sequence[Traffic],
        random: Random,
        name: str,
        pause: float,
        is_over: Event,
    ) -> None:
        super().__init__(name=f"client-{name}", daemon=True)
        self.sent: list[Sent] = []
        self._url = url
        self._traffic = traffic
        self._random = random
        self._pause = pause
        self._is_over = is_over
        self._connection: HTTPConnection | None = None

    def run(self) -> None:
        number = 0
        while not self._is_over.wait(self._random.uniform(0, 2 * self._pause)):
            if self._connection is None and not self._connect():
                self._is_over.wait(PAUSE)
                continue
            number += 1
            self.sent.append(self._send(f"{self.name}-{number}"))
        self._hang_up()

    def _connect(self) -> bool:
        parts = urlsplit(self._url())
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
        try:
            connection.connect()
        except OSError:
            return False
        self._connection = connection
        return True

    def _send(self, tag: str) -> Sent:
        (traffic,) = self._random.choices(self._traffic, [each.share for each in self._traffic])
        seconds = self._random.uniform(0, traffic.longest)
        payload = {"tag": tag, "seconds": seconds, **dict(traffic.more)}
        sent_at = time.monotonic()
        answer, request_id, error = self._exchange(traffic.function, json.dumps(payload))
        return Sent(tag, traffic.function, sent_at, time.monotonic(), answer, request_id, error)

    def _exchange(self, function: str, payload: str) -> tuple[Answer, str, str]:
        assert self._connection is not None
        path = f"/2015-03-31/functions/{quote(function)}/invocations"
        try:
            self._connection.request("POST", path, payload, _HEADERS)
            response = self._connection.getresponse()
            response.read()
        except (OSError, HTTPException) as error:
            self._hang_up()
            return Answer.NONE, "", repr(error)
        return _read(response)

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _read(response: HTTPResponse) -> tuple[Answer, str, str]:
    request_id = response.headers.get("x-amzn-RequestId", "")
    if response.status == 202:
        return Answer.ACCEPTED, request_id, ""
    code = response.headers.get("x-amzn-ErrorType", "")
    return Answer.REFUSED, request_id, f"{response.status} {code}".rstrip()
