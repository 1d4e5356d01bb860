"""Requests put straight into a gateway, as uvicorn would put them, and operations to put there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from lambdad.errors import ClientError

SERVICES = ("lambda", "sts", "logs")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def run_at_once(coroutine: Any) -> Any:
    """The result of a coroutine that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the gateway waited for something")


def ask(
    app: Callable[..., Awaitable[None]],
    method: str,
    target: str,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> Answer:
    """Put one request to an ASGI app, as uvicorn does."""
    raw_path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": unquote(raw_path),
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "headers": headers,
        "server": ("127.0.0.1", 4566),
    }
    messages: list[Any] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    run_at_once(app(scope, receive, send))
    start, *rest = messages
    answer_headers = {name.decode().lower(): v.decode("latin-1") for name, v in start["headers"]}
    return Answer(start["status"], answer_headers, b"".join(m["body"] for m in rest))


@dataclass
class Everything:
    """Every operation of every service: remembers what it got, and answers what it is told to."""

    result: Mapping[str, Any] = field(default_factory=dict)
    error: ClientError | None = None
    received: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    async def __call__(self, context: Any, parameters: dict[str, Any]) -> Mapping[str, Any]:
        self.received.append((context.service, context.operation, parameters))
        if self.error is not None:
            raise self.error
        return self.result
