"""As a developer I open my function in a browser."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support import gate
from support.browser import browsing
from support.functions import DeployedFunction
from support.processes import strangers
from support.web import publish

pytestmark = pytest.mark.slow

# The page tells the test of every event as it comes.
PAGE = """<!doctype html>
<link rel="icon" href="data:,">
<script>
  const port = new URLSearchParams(location.search).get("port");
  const tell = (what) => fetch(`http://127.0.0.1:${port}/${what}`, {mode: "no-cors"});
  const source = new EventSource("/events");
  source.onmessage = (event) => tell("seen/" + event.data);
  source.addEventListener("done", () => { source.close(); tell("done"); });
</script>
"""
EVENTS = 3
SERVER_SENT_EVENTS = f"""
import gate

def handler(event, context):
    if event["rawPath"] != "/events":
        yield {{"statusCode": 200, "headers": {{"content-type": "text/html; charset=utf-8"}}}}
        yield open("page.html").read()
        return
    yield {{"statusCode": 200, "headers": {{"content-type": "text/event-stream"}}}}
    for number in range(1, {EVENTS} + 1):
        yield f"data: {{number}}\\n\\n"
        gate.wait(number)
    yield "event: done\\ndata:\\n\\n"
"""


class Listener:
    """A small server of the test's own, which keeps the paths that it was asked for.

    `page` is what it answers. `address` is its URL, without a path.
    """

    def __init__(self, page: str = "") -> None:
        self._asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        asked = self._asked

        class Request(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(page.encode())
                asked.put(self.path)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self.port = self.server.server_port
        self.address = f"http://127.0.0.1:{self.port}"

    def next(self, timeout: float = 30) -> str:
        """The next path that it is asked for; browsers' wish for an icon is none."""
        try:
            while (path := self._asked.get(timeout=timeout)) == "/favicon.ico":
                pass
        except queue.Empty:
            pytest.fail(f"nothing was asked for within {timeout:g} s")
        return path


@contextmanager
def listening(page: str = "") -> Iterator[Listener]:
    """A `Listener` that answers until the end of a `with`."""
    listener = Listener(page)
    thread = threading.Thread(target=listener.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield listener
    finally:
        listener.server.shutdown()
        thread.join()
        listener.server.server_close()


def test_a_browser_runs_the_script_of_a_page_and_nothing_of_it_is_left() -> None:
    with listening("<script>fetch('/from/the/script')</script>") as listener:
        # When
        with browsing(f"{listener.address}/page"):
            paths = [listener.next(), listener.next()]
            during = _browsers()
        after = _browsers()
    # Then
    assert paths == ["/page", "/from/the/script"]
    assert during
    assert not after


def _browsers() -> list[str]:
    return [process for process in strangers() if "chrom" in process]


@pytest.mark.root
def test_a_page_sees_every_event_before_the_function_makes_the_next(
    make_function: Callable[..., DeployedFunction],
) -> None:
    # Given a page that listens to a stream, and a stream that waits for this test
    files = {"app.py": SERVER_SENT_EVENTS, "page.html": PAGE, "gate.py": gate.SOURCE}
    function = make_function(files=files, Timeout=60, MemorySize=1769)  # a whole CPU
    site = publish(function, stream=True)
    # When, Then
    with listening() as listener, browsing(f"{site.url}?port={listener.port}"):
        for number in range(1, EVENTS + 1):
            assert listener.next() == f"/seen/{number}"
            gate.Gate(function).open(number)
        assert listener.next() == "/done"
