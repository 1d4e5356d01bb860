"""As a developer I bring a web server as it is, with AWS's Lambda Web Adapter before it.

The adapter is a program that takes events from the Runtime API and asks the server. `make adapter`
builds it, which takes minutes; without it these tests are skipped, in CI too.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from support import gate
from support.functions import DeployedFunction
from support.packages import make_zip
from support.web import Site, publish

ADAPTER = Path(__file__).parents[2] / ".venv" / "web_adapter" / "bin" / "lambda-adapter"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(not ADAPTER.exists(), reason="make adapter has not been run"),
]

# Both as on AWS: the handler is the script that starts the server, and the wrapper is first. There
# the wrapper is the adapter's layer, and Lambda itself starts the adapter as an extension.
WRAPPER = """#!/bin/sh
"/var/task/$_HANDLER" &
exec /var/task/lambda-adapter
"""
RUN = "#!/bin/sh\nexec python3 server.py\n"
# A server that knows nothing of Lambda; only the stream of a test asks for leave to go on.
SERVER = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path == "/stream":
            return self.stream()
        self.answer(200, "text/plain; charset=utf-8", f"You asked for {self.path}".encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.answer(201, "application/octet-stream", body[::-1])

    def answer(self, status, content_type, body):
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("set-cookie", "a=1")
        self.send_header("set-cookie", "b=2; Path=/")
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        sys.path.append("/var/runtime")
        import gate

        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number in (1, 2, 3):
            self.wfile.write(b"9\\r\\ndata: %d\\n\\n\\r\\n" % number)
            gate.wait(number)
        self.wfile.write(b"0\\r\\n\\r\\n")

    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", 8080), Request).serve_forever()
"""


@pytest.fixture
def make_server(
    make_function: Callable[..., DeployedFunction],
) -> Callable[[str], DeployedFunction]:
    """Deploy the server with the adapter in one of its two modes."""

    def make(mode: str) -> DeployedFunction:
        programs = {"wrapper": WRAPPER, "run.sh": RUN, "lambda-adapter": ADAPTER.read_bytes()}
        files = {"server.py": SERVER, "gate.py": gate.SOURCE}
        variables = {
            "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper",
            "AWS_LWA_INVOKE_MODE": mode,
        }
        return make_function(
            package=make_zip(programs | files, programs), Handler="run.sh", Timeout=60,
            Environment={"Variables": variables},
        )  # fmt: skip

    return make


@pytest.mark.parametrize("mode", ["buffered", "response_stream"])
def test_a_server_answers_as_if_it_were_asked_itself(
    make_server: Callable[[str], DeployedFunction], mode: str
) -> None:
    site = publish(make_server(mode), stream=mode == "response_stream")
    # A page, its cookies, and a path and query as they were asked for
    target = f"/pages/{quote('日本 語')}?tag=red&tag=blue"
    page = site.get(target)
    assert (page.status, page.type) == (200, "text/plain"), page
    assert page.text == f"You asked for {target}"
    assert page.cookies == {"a": "1", "b": "2"}
    # Bytes
    content = bytes(range(256)) * 100
    sent = site.post("/", content, "application/octet-stream")
    assert (sent.status, sent.body) == (201, content[::-1])


def test_a_server_streams(make_server: Callable[[str], DeployedFunction]) -> None:
    # Given a server that goes on when this test lets it
    function = make_server("response_stream")
    site = publish(function, stream=True)
    # When, Then
    with closing(_connect(site)) as connection:
        connection.request("GET", "/stream", headers={"host": urlsplit(site.url).netloc})
        answer = connection.getresponse()
        assert answer.headers["content-type"] == "text/event-stream"
        for number in (1, 2, 3):
            assert answer.read(9) == f"data: {number}\n\n".encode()
            gate.Gate(function).open(number)
        assert answer.read() == b""


def _connect(site: Site) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", urlsplit(site.url).port, timeout=30)
