"""The web as a test sees it: a function with a URL that everybody may use, and requests to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lambdad.cli.public_url import give_url
from support.functions import DeployedFunction

_TIMEOUT = 30


@dataclass(frozen=True)
class Reply:
    """A response, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get_content_type()

    @property
    def cookies(self) -> dict[str, str]:
        """Name and value of each cookie that is set."""
        lines = self.headers.get_all("set-cookie", [])
        pairs = [line.partition(";")[0].partition("=") for line in lines]
        return {name: value for name, _, value in pairs}


@dataclass(frozen=True)
class Site:
    """What answers at a URL. Name servers may not know its host: the connection goes to this
    machine, and the host is named in the request."""

    url: str

    def get(self, target: str, **headers: str) -> Reply:
        """GET; underscores in the names of headers stand for hyphens."""
        return self.request("GET", target, headers=_named(headers))

    def post(self, target: str, body: bytes, content_type: str, **headers: str) -> Reply:
        """POST."""
        named = {"content-type": content_type, **_named(headers)}
        return self.request("POST", target, body=body, headers=named)

    def request(
        self, method: str, target: str, *, body: bytes | None = None, headers: Mapping[str, str]
    ) -> Reply:
        """Any request."""
        host = urlsplit(self.url)
        connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=_TIMEOUT)
        with closing(connection):
            connection.request(method, target, body, {"host": host.netloc, **headers})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())


def publish(function: DeployedFunction, *, stream: bool = False) -> Site:
    """Give a function a URL that everybody may use."""
    return Site(give_url(function.client, function.name, stream=stream)["FunctionUrl"])


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
