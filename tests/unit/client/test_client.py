"""Who asks, and for whom, when a service is reached here or elsewhere."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from lambdad.client.client import Client
from lambdad.client.endpoint import Endpoint
from lambdad.errors import ClientError, PlatformError
from lambdad.gateway.http import Request, Response
from lambdad.gateway.server import HttpServer
from lambdad.model.caller import Caller, RequestContext
from support.operator_variables import set_operator_variables

ROLE = "arn:aws:iam::123456789012:role/sender"
CALLER = Caller("123456789012", "eu-west-1", role=ROLE, session_name="sender")
TRACE = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Lineage=1:a87bd80c:1"
HERE = "http://127.0.0.1:4566"


@pytest.fixture(autouse=True)
def operator(monkeypatch: pytest.MonkeyPatch) -> None:
    set_operator_variables(monkeypatch)


async def test_here_the_caller_and_the_trace_are_the_requests_own() -> None:
    contexts: list[RequestContext] = []

    async def publish(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        contexts.append(context)
        return {"MessageId": request["Message"], "ResponseMetadata": {"HTTPHeaders": {}}}

    client = Client({("sns", "Publish"): publish}, endpoint_url=HERE)
    answer = await client.call("sns", "Publish", {"Message": "m"}, CALLER, trace_header=TRACE)
    (context,) = contexts
    assert answer == {"MessageId": "m"}
    assert (context.service, context.operation) == ("sns", "Publish")
    assert (context.caller, context.trace_header) == (CALLER, TRACE)
    assert context.endpoint_url == HERE


async def test_an_operation_that_is_not_served_is_refused_though_its_service_is() -> None:
    async def publish(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        return {}

    client = Client({("sns", "Publish"): publish}, endpoint_url=HERE)
    with pytest.raises(ClientError, match="does not serve CreateTopic of sns"):
        await client.call("sns", "CreateTopic", {"Name": "n"}, CALLER)


class Elsewhere:
    """A service that answers everything alike, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer = Response(200, {"content-type": "application/x-amz-json-1.0"}, b"{}")

    async def __call__(self, request: Request) -> Response:
        await request.read_body(1 << 20)
        self.requests.append(request)
        return self.answer


@pytest.fixture
async def elsewhere() -> Any:
    return Elsewhere()


@pytest.fixture
async def endpoint(elsewhere: Elsewhere) -> Any:
    sock = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(elsewhere)
    await server.listen(sock)
    endpoint = Endpoint("sqs", f"http://127.0.0.1:{sock.getsockname()[1]}")
    yield endpoint
    endpoint.close()
    server.close()


@pytest.mark.slow
class TestElsewhere:
    async def test_the_server_asks_in_the_region_and_says_whose_doing_it_is(
        self, elsewhere: Elsewhere, endpoint: Endpoint
    ) -> None:
        client = Client({}, endpoint_url=HERE, endpoints={"sqs": endpoint})
        await client.call("sqs", "ListQueues", {}, CALLER, trace_header=TRACE)
        await client.call("sqs", "ListQueues", {}, CALLER)
        first, second = elsewhere.requests
        authorization = first.header(b"authorization") or ""
        assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIAOPERATOR/")
        assert "/eu-west-1/sqs/" in authorization
        assert first.header(b"x-amzn-trace-id") == TRACE
        assert second.header(b"x-amzn-trace-id") is None

    async def test_the_operators_endpoint_comes_before_what_is_served_here(
        self, elsewhere: Elsewhere, endpoint: Endpoint
    ) -> None:
        async def never(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
            raise AssertionError

        table = {("sqs", "ListQueues"): never}
        client = Client(table, endpoint_url=HERE, endpoints={"sqs": endpoint})
        assert await client.call("sqs", "ListQueues", {}, CALLER) == {}

    async def test_a_trace_header_cannot_bring_another_header_with_it(
        self, elsewhere: Elsewhere, endpoint: Endpoint
    ) -> None:
        await endpoint.call("ListQueues", {}, "eu-west-1", "Root=1\r\nX-Evil: 1")
        assert elsewhere.requests[0].header(b"x-evil") is None

    async def test_many_regions_do_not_pile_up(
        self, elsewhere: Elsewhere, endpoint: Endpoint
    ) -> None:
        for number in range(20):
            await endpoint.call("ListQueues", {}, f"eu-west-{number}")
        assert len(elsewhere.requests) == 20
        assert len(endpoint._clients) == 16

    async def test_several_send_at_once(self, elsewhere: Elsewhere, endpoint: Endpoint) -> None:
        calls = (endpoint.call("ListQueues", {}, "eu-west-1", f"Root={n}") for n in range(20))
        await asyncio.gather(*calls)
        sent = [request.header(b"x-amzn-trace-id") for request in elsewhere.requests]
        assert sorted(filter(None, sent)) == sorted(f"Root={n}" for n in range(20))

    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [
            (400, "QueueDoesNotExist", ClientError),
            (403, "AccessDenied", ClientError),
            (400, "RequestThrottled", PlatformError),
            (429, "Anything", PlatformError),
            (500, "InternalError", PlatformError),
            (503, "ServiceUnavailable", PlatformError),
        ],
    )
    async def test_a_refusal_is_for_good_or_passes(
        self,
        elsewhere: Elsewhere,
        endpoint: Endpoint,
        status: int,
        code: str,
        kind: type[Exception],
    ) -> None:
        body = f'{{"__type": "com.amazonaws.sqs#{code}", "message": "why"}}'.encode()
        elsewhere.answer = Response(status, {"content-type": "application/x-amz-json-1.0"}, body)
        with pytest.raises(kind, match=f"{code}: why"):
            await endpoint.call("ListQueues", {}, "eu-west-1")

    async def test_parameters_that_cannot_be_are_refused_for_good(
        self, elsewhere: Elsewhere, endpoint: Endpoint
    ) -> None:
        for parameters, region in (({"MaxResults": "many"}, "eu-west-1"), ({}, "-")):
            with pytest.raises(ClientError):
                await endpoint.call("ListQueues", parameters, region)
        assert elsewhere.requests == []

    async def test_an_endpoint_that_nobody_serves_may_be_served_later(self) -> None:
        endpoint = Endpoint("sqs", "http://127.0.0.1:1")
        with pytest.raises(PlatformError, match="gave no answer"):
            await endpoint.call("ListQueues", {}, "eu-west-1")
        endpoint.close()
