"""Requests that botocore has signed, as they arrive at the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lambdad.gateway.body import Body
from lambdad.gateway.http import Request

HOST = "u7x.lambda-url.eu-west-1.localhost:4566"


@dataclass(frozen=True)
class Arriving:
    """What is on the wire; `with_` changes it on the way."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def with_(self, **headers: str | None) -> Arriving:
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in self.headers.items() if name not in changed}
        new = {name: value for name, value in changed.items() if value is not None}
        return replace(self, headers={**kept, **new})

    @property
    def request(self) -> Request:
        fields = {name.encode(): value.encode() for name, value in self.headers.items()}
        request = Request(self.method, self.target.encode(), fields, Body())
        request.body = self.body
        return request


def sign(
    method: str = "GET",
    path: str = "/",
    *,
    host: str = HOST,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    key: str = "AKIA1",
    secret: str = "secret",
    token: str | None = None,
    region: str = "eu-west-1",
    service: str = "lambda",
    expires: int | None = None,
) -> Arriving:
    """A request signed in its header, or presigned if it `expires`."""
    signed = AWSRequest(
        method, f"http://{host}{path}", dict(headers or {}), body, dict(params or {})
    )
    credentials = Credentials(key, secret, token)
    if expires is None:
        SigV4Auth(credentials, service, region).add_auth(signed)
    else:
        SigV4QueryAuth(credentials, service, region, expires).add_auth(signed)
    prepared = signed.prepare()
    url = urlsplit(prepared.url)
    sent = {
        name.lower(): value.decode() if isinstance(value, bytes) else str(value)
        for name, value in prepared.headers.items()
    }
    path = url.path or "/"
    target = f"{path}?{url.query}" if url.query else path
    return Arriving(method, target, {"host": host, **sent}, body)
