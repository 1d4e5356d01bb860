"""The client contract: a service answers the same, served here or at an endpoint elsewhere.

Both ways lead to the same control plane; elsewhere is a gateway that serves it over HTTP.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lambdad.client.client import Client, Operation
from lambdad.client.endpoint import Endpoint
from lambdad.errors import ClientError, PlatformError
from lambdad.gateway.app import Gateway
from lambdad.gateway.server import HttpServer
from lambdad.model.caller import Caller
from lambdad.model.invocation import FunctionError
from lambdad.services.lambda_ import operations
from lambdad.store.database import Database
from support.control_plane import ACCOUNT, REGION, Plane, open_control_plane
from support.operator_variables import set_operator_variables

pytestmark = pytest.mark.slow

CALLER = Caller(ACCOUNT, REGION)
HERE = "http://127.0.0.1:4566"
Operations = Mapping[tuple[str, str], Operation]


@pytest.fixture(autouse=True)
def operator(monkeypatch: pytest.MonkeyPatch) -> None:
    set_operator_variables(monkeypatch, access_key_id=ACCOUNT)


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Plane]:
    database = Database.open(tmp_path / "state.db")
    plane = await open_control_plane(database, tmp_path)
    await plane.create("echo")
    yield plane
    await plane.control.changes.stop()
    database.close()


@pytest.fixture(params=["here", "elsewhere"])
async def client(request: pytest.FixtureRequest, plane: Plane) -> AsyncIterator[Client]:
    table = operations(plane.control)
    if request.param == "here":
        yield Client(table, endpoint_url=HERE)
        return
    async with served(table) as url:
        endpoint = Endpoint("lambda", url)
        yield Client({}, endpoint_url=HERE, endpoints={"lambda": endpoint})
        endpoint.close()


@asynccontextmanager
async def served(table: Operations) -> AsyncIterator[str]:
    sock = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(Gateway(table))
    await server.listen(sock)
    yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    server.close()


async def call(client: Client, operation: str, caller: Caller = CALLER, **request: Any) -> Any:
    return await client.call("lambda", operation, request, caller)


class TestClient:
    async def test_an_operation_answers_with_its_members(self, client: Client) -> None:
        answer = await call(client, "GetFunctionConfiguration", FunctionName="echo")
        assert answer["FunctionName"] == "echo"
        assert answer["FunctionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo"
        assert "ResponseMetadata" not in answer

    async def test_a_payload_goes_and_comes_as_bytes(self, client: Client) -> None:
        answer = await call(client, "Invoke", FunctionName="echo", Payload=b'{"n": 1e400}')
        assert answer["Payload"] == b'{"n": 1e400}'
        assert answer["StatusCode"] == 200

    async def test_a_functions_error_is_an_answer(self, client: Client, plane: Plane) -> None:
        plane.invoker.error = FunctionError("Runtime.ExitError")
        answer = await call(client, "Invoke", FunctionName="echo", Payload=b"{}")
        assert answer["FunctionError"] == "Unhandled"

    async def test_the_region_is_the_callers(self, client: Client) -> None:
        answer = await call(client, "ListFunctions", Caller(ACCOUNT, "eu-west-3"))
        assert answer["Functions"] == []
        assert len((await call(client, "ListFunctions"))["Functions"]) == 1

    async def test_what_the_service_refuses_is_told_in_its_words(self, client: Client) -> None:
        with pytest.raises(ClientError) as caught:
            await call(client, "GetFunction", FunctionName="none")
        assert caught.value.code == "ResourceNotFoundException"
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:none"
        assert caught.value.message == f"Function not found: {arn}"

    @pytest.mark.parametrize(
        "failure",
        [
            ClientError("TooManyRequestsException", "Rate Exceeded."),
            ClientError("ServiceException", "Something is wrong."),
            PlatformError("The disk is full."),
            RuntimeError("nobody had thought of this"),
        ],
        ids=lambda failure: type(failure).__name__,
    )
    async def test_what_may_pass_is_no_answer_for_good(
        self,
        client: Client,
        plane: Plane,
        failure: Exception,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async def fail(*_: Any, **__: Any) -> None:
            raise failure

        monkeypatch.setattr(plane.invoker, "invoke", fail)
        with pytest.raises(PlatformError):
            await call(client, "Invoke", FunctionName="echo", Payload=b"{}")

    async def test_a_service_that_nobody_serves_is_refused_with_what_to_set(
        self, client: Client
    ) -> None:
        with pytest.raises(ClientError, match="--endpoints sqs=URL"):
            await client.call("sqs", "ListQueues", {}, CALLER)
