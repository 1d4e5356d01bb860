"""As a developer I open my function in a browser."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.browser import browsing
from support.processes import strangers

pytestmark = pytest.mark.slow


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
