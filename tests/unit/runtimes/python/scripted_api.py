"""A Runtime API that hands out a script of events and remembers what it is told."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

REQUEST_ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'


@dataclass(frozen=True)
class Exchange:
    """One request of the runtime; a body that came in chunks has them, and its trailers."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    chunks: list[bytes] = field(default_factory=list)
    trailers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Outcome:
    """What a run of the bootstrap left behind."""

    exchanges: list[Exchange]
    output: bytes
    status: int

    @property
    def posts(self) -> list[Exchange]:
        return [exchange for exchange in self.exchanges if exchange.method == "POST"]

    @property
    def post(self) -> Exchange:
        (only,) = self.posts
        return only

    @property
    def text(self) -> str:
        return self.output.decode()

    def results(self) -> list[Any]:
        return [post.json for post in self.posts if post.path.endswith("/response")]


def event(value: Any = None, *, body: bytes | None = None, **headers: str | None) -> bytes:
    """The answer of `next` for one event; headers replace the usual ones, None removes one."""
    content = json.dumps(value).encode() if body is None else body
    fields: dict[str, str | None] = {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": REQUEST_ID,
        "Lambda-Runtime-Deadline-Ms": "9999999999999",
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=1",
        **{name.replace("_", "-"): text for name, text in headers.items()},
        "Content-Length": str(len(content)),
    }
    lines = [f"{name}: {text}" for name, text in fields.items() if text is not None]
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode() + content


@dataclass
class ScriptedApi:
    """Serves one runtime. `answer` decides what a POST gets; nothing left to serve: `finished`.
    A body of more than `limit` bytes ends the connection."""

    events: Iterable[bytes]
    answer: Callable[[Exchange], bytes] = lambda exchange: ACCEPTED
    finished: Callable[[], None] = lambda: None
    write: Callable[[socket.socket, bytes], None] = lambda connection, data: connection.sendall(
        data
    )
    limit: int = 1 << 30
    exchanges: list[Exchange] = field(default_factory=list)

    def __enter__(self) -> ScriptedApi:
        self._script = iter(self.events)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._listener.getsockname())
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as reader:
                try:
                    while (exchange := _read(reader, self.limit)) and self._reply(
                        connection, exchange
                    ):
                        pass
                except ConnectionError:
                    continue

    def _reply(self, connection: socket.socket, exchange: Exchange) -> bool:
        self.exchanges.append(exchange)
        if len(exchange.body) > self.limit:
            return False
        reply = self.answer(exchange) if exchange.method == "POST" else next(self._script, b"")
        if not reply:
            self.finished()
            return exchange.method == "POST"
        self.write(connection, reply)
        return b"Connection: close" not in reply


def _read(reader: Any, limit: int) -> Exchange | None:
    first = reader.readline()
    if not first:
        return None
    method, path, _ = first.decode().split()
    headers = _read_fields(reader)
    if headers.get("transfer-encoding") != "chunked":
        body = reader.read(int(headers.get("content-length", 0)))
        return Exchange(method, path, headers, body)
    chunks = _read_chunks(reader, limit)
    body = b"".join(chunks)
    trailers = _read_fields(reader) if len(body) <= limit else {}
    return Exchange(method, path, headers, body, chunks, trailers)


def _read_fields(reader: Any) -> dict[str, str]:
    fields = {}
    while line := reader.readline().strip():
        name, _, value = line.decode().partition(":")
        fields[name.lower()] = value.strip()
    return fields


def _read_chunks(reader: Any, limit: int) -> list[bytes]:
    chunks: list[bytes] = []
    while (size := int(reader.readline(), 16)) and sum(map(len, chunks)) <= limit:
        chunks.append(reader.read(size))
        assert reader.read(2) == b"\r\n"
    return chunks


def run_bootstrap(
    command: list[str], variables: dict[str, str], events: Iterable[bytes], **script: Any
) -> Outcome:
    """Run the bootstrap until it has asked for more events than there are, or ended by itself."""
    started = threading.Event()
    process: subprocess.Popen[bytes] | None = None

    def finish() -> None:
        started.wait()
        assert process
        process.kill()

    with ScriptedApi(events, finished=finish, **script) as api:
        process = subprocess.Popen(
            command,
            env={**variables, "AWS_LAMBDA_RUNTIME_API": api.address},
            cwd=variables["LAMBDA_TASK_ROOT"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        started.set()
        try:
            output, _ = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
    return Outcome(api.exchanges, output, process.returncode)
