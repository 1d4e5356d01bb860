"""A little S3: GetObject with versions, and errors in XML, over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

_MESSAGES = {
    "NoSuchBucket": (404, "The specified bucket does not exist"),
    "NoSuchKey": (404, "The specified key does not exist."),
    "NoSuchVersion": (404, "The specified version does not exist."),
    "AccessDenied": (403, "Access Denied"),
    "InternalError": (500, "We encountered an internal error. Please try again."),
}


@dataclass
class LittleS3:
    """Contents by bucket, key and version (empty: the current one). `failure` is the code of an
    error that answers everything; `cut_after` is how many bytes of a body arrive."""

    contents: dict[tuple[str, str, str], bytes] = field(default_factory=dict)
    failure: str | None = None
    cut_after: int | None = None
    authorizations: list[str] = field(default_factory=list)
    url: str = ""

    def put(self, bucket: str, key: str, content: bytes, version: str = "") -> None:
        """Make an object, and the bucket with it."""
        self.contents[bucket, key, version] = content

    def find(self, bucket: str, key: str, version: str) -> bytes | str:
        """The content, or the code of an error."""
        if self.failure:
            return self.failure
        if bucket not in {each[0] for each in self.contents}:
            return "NoSuchBucket"
        missing = "NoSuchVersion" if version else "NoSuchKey"
        return self.contents.get((bucket, key, version), missing)


@contextmanager
def little_s3() -> Iterator[LittleS3]:
    """Serve one on a free port."""
    store = LittleS3()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            bucket, _, key = unquote(url.path).lstrip("/").partition("/")
            version = parse_qs(url.query).get("versionId", [""])[0]
            store.authorizations.append(self.headers.get("Authorization", ""))
            found = store.find(bucket, key, version)
            if isinstance(found, bytes):
                self._answer(200, found, "application/zip", store.cut_after)
            else:
                status, message = _MESSAGES[found]
                body = f"<Error><Code>{found}</Code><Message>{message}</Message></Error>"
                self._answer(status, body.encode(), "application/xml", None)

        def _answer(self, status: int, body: bytes, kind: str, cut_after: int | None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body[:cut_after])

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    store.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
