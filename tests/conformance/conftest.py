"""Real boto3 clients whose requests go straight into a gateway, without a network."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session

sys.path.insert(0, str(Path(__file__).parent))

from gateway_calls import SERVICES, SPOKEN, Everything, ask

from lambdad.gateway.app import Gateway
from lambdad.gateway.models import load_service_model


class _Raw(io.BytesIO):
    def stream(self, amt: int = 65536, decode_content: bool = False) -> Iterator[bytes]:
        yield self.read()


class _OneProtocol(Loader):
    """botocore's models, for a client that speaks only this protocol."""

    def __init__(self, protocol: str) -> None:
        super().__init__()
        self._protocol = protocol

    def load_service_model(self, *arguments: Any, **options: Any) -> Any:
        model = super().load_service_model(*arguments, **options)
        if "metadata" not in model:  # it is one of the other documents about the service
            return model
        metadata = {**model["metadata"], "protocol": self._protocol, "protocols": [self._protocol]}
        return {**model, "metadata": metadata}


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
def clients(gateway: Gateway) -> dict[tuple[str, str], Any]:
    """A client of each service for each protocol that it has."""

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
    for name, protocol in SPOKEN:
        session = Session()
        session.register_component("data_loader", _OneProtocol(protocol))
        clients[name, protocol] = session.create_client(
            name,
            endpoint_url="http://127.0.0.1:4566",
            region_name="eu-west-1",
            aws_access_key_id="123456789012",
            aws_secret_access_key="secret",
            config=config,
        )
        clients[name, protocol].meta.events.register("before-send", into_gateway)
    return clients


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
