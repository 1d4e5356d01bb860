"""Requests put straight into a gateway, as a connection would put them, and operations to put
there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdad.errors import ClientError
from lambdad.gateway.body import Body
from lambdad.gateway.connections import App
from lambdad.gateway.http import Request
from lambdad.gateway.models import load_service_model, supported_protocols

SERVICES = ("lambda", "sts", "logs", "iam", "cloudwatch")
SPOKEN = [
    (name, protocol)
    for name in SERVICES
    for protocol in supported_protocols(load_service_model(name))
]


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
    app: App, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> Answer:
    """Put one request to an app, and read what would go back."""
    request = Request(
        method, target.encode(), dict(headers), Body.of(body), server=("127.0.0.1", 4566)
    )
    response = run_at_once(app(request))
    lines = response.head("", is_last=False).decode("latin-1").split("\r\n")[1:-2]
    answered = dict(line.split(": ", 1) for line in lines)
    return Answer(response.status, answered, response.body)


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
