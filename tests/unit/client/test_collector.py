"""Sending to an OpenTelemetry collector, a real HTTP server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lambdad.client.collector import Collector
from lambdad.errors import PlatformError


class Listening(ThreadingHTTPServer):
    """Keeps what it is sent, and answers with a status."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, str, object]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Listening

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, self.headers["content-type"], json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def listening() -> Iterator[Listening]:
    with Listening() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_a_document_arrives_as_json(listening: Listening) -> None:
    collector = Collector(listening.url + "/")
    await collector.send({"resourceMetrics": []})
    collector.close()
    assert listening.got == [("/v1/metrics", "application/json", {"resourceMetrics": []})]


async def test_what_is_refused_is_an_error_that_names_the_collector(listening: Listening) -> None:
    listening.status = 503
    collector = Collector(listening.url)
    with pytest.raises(PlatformError, match=f"{listening.url}.*503"):
        await collector.send({})
    collector.close()


async def test_a_collector_that_is_not_there_is_an_error(listening: Listening) -> None:
    collector = Collector("http://127.0.0.1:1")
    with pytest.raises(PlatformError, match="cannot be reached"):
        await collector.send({})
    collector.close()
