"""The operations of CloudWatch Logs on a real log store, called as the gateway calls them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.errors import ClientError
from lambdad.model.caller import Caller, RequestContext
from lambdad.observe.insights.queries import Queries
from lambdad.observe.log_store import LogStore
from lambdad.services.logs import Exporter, Logs, operations
from lambdad.store.database import Database
from lambdad.store.resources import Resources

Call = Callable[..., Awaitable[Any]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log_store(tmp_path: Path, clock: FakeClock) -> Iterator[LogStore]:
    store = LogStore.open(tmp_path / "logs", flush_every=60, clock=clock)
    yield store
    store.close()


@pytest.fixture
async def insights(log_store: LogStore, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Queries]:
    queries = Queries(log_store, tmp_path / "insights", clock)
    yield queries
    await queries.close()


@pytest.fixture
async def resources(tmp_path: Path) -> AsyncIterator[Resources]:
    database = Database.open(tmp_path / "state.db")
    yield await Resources.load(database)
    database.close()


@pytest.fixture
def call(log_store: LogStore, insights: Queries, resources: Resources, clock: FakeClock) -> Call:
    logs = Logs(log_store, resources, clock)
    table = operations(logs, insights, Exporter(logs))

    async def call(operation: str, *, account_id: str = "000000000000", **request: Any) -> Any:
        caller = Caller(account_id=account_id, region="us-east-1")
        context = RequestContext("request-1", "logs", operation, caller, "http://127.0.0.1:4566")
        return await table["logs", operation](context, request)

    return call


@pytest.fixture
def refuses(call: Call) -> Call:
    """Call an operation that must fail; returns the error's code and message."""

    async def refuses(operation: str, **request: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as raised:
            await call(operation, **request)
        return raised.value.code, raised.value.message

    return refuses
