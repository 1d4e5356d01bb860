"""Real boto3 clients whose requests go straight into a gateway, without a network."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parent))

from gateway_calls import SERVICES, Everything, ask

from lambdad.gateway.app import Gateway
from lambdad.gateway.models import load_service_model


class _Raw(io.BytesIO):
    def stream(self, amt: int = 65536, decode_content: bool = False) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture(scope="session")
def service() -> Everything:
    return Everything()


@pytest.fixture(scope="session")
def gateway(service: Everything) -> Gateway:
    operations = {
        (name, operation): service
        for name in SERVICES
        for operation in load_service_model(name).operation_names
    }
    return Gateway(operations)


@pytest.fixture(scope="session")
def clients(gateway: Gateway) -> dict[str, Any]:
    def into_gateway(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        body = request.body or b""
        answer = ask(
            gateway,
            request.method,
            f"{url.path}?{url.query}" if url.query else url.path,
            [(_bytes(n).lower(), _bytes(v)) for n, v in request.headers.items()],
            body.encode() if isinstance(body, str) else bytes(body),
        )
        headers = HeadersDict(answer.headers)
        return AWSResponse(request.url, answer.status, headers, _Raw(answer.body))

    config = Config(
        retries={"total_max_attempts": 1}, inject_host_prefix=False, parameter_validation=True
    )
    clients = {}
    for name in SERVICES:
        clients[name] = boto3.client(
            name,
            endpoint_url="http://127.0.0.1:4566",
            region_name="eu-west-1",
            aws_access_key_id="123456789012",
            aws_secret_access_key="secret",
            config=config,
        )
        clients[name].meta.events.register("before-send", into_gateway)
    return clients


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
