"""Export tasks, with a bucket that is a dictionary behind the client."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from lambdad.client.client import Client
from lambdad.clock import FakeClock
from lambdad.errors import ClientError, PlatformError
from lambdad.model.caller import Caller, RequestContext
from lambdad.model.export_task import RUNNING, ExportTask
from lambdad.model.log_line import LogLine
from lambdad.observe.log_store import LogStore
from lambdad.services.logs import Exporter, Logs, export_tasks, exporter
from lambdad.store.resources import Resources

PLACE = ("000000000000", "us-east-1")
SPAN = {"logGroupName": "g", "destination": "bucket", "from": 0, "to": 100}


class Bench:
    """An exporter. Before an object is there, `gate` must be open; the first so many `failures`
    are none."""

    def __init__(self, logs: Logs) -> None:
        self.objects: dict[str, bytes] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.failures = 0
        self.exporter = Exporter(logs)
        operations = {("s3", "PutObject"): self._put_object}
        self.exporter.reach_through(Client(operations, endpoint_url="http://127.0.0.1:4566"))
        self.running = asyncio.create_task(self.exporter.run())

    async def _put_object(
        self, context: RequestContext, request: dict[str, Any]
    ) -> Mapping[str, Any]:
        if request["Bucket"] != "bucket":
            raise ClientError("NoSuchBucket", "The specified bucket does not exist")
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise PlatformError("not now")
        self.objects[request["Key"]] = request["Body"]
        return {"ETag": "e"}

    async def call(self, operation: str, **request: Any) -> Any:
        caller = Caller(account_id=PLACE[0], region=PLACE[1])
        context = RequestContext("r", "logs", operation, caller, "http://127.0.0.1:4566")
        return await export_tasks.OPERATIONS[operation](self.exporter, context, request)

    async def task(self, id: str, *, until: str | None = None) -> dict[str, Any]:
        """It as it is described, in the state that is waited for."""
        async with asyncio.timeout(5):
            while True:
                (found,) = (await self.call("DescribeExportTasks", taskId=id))["exportTasks"]
                if until in (None, found["status"]["code"]):
                    return dict(found)
                await asyncio.sleep(0.005)

    def texts(self) -> dict[str, str]:
        """What is in the bucket, by the end of its name."""
        return {
            "/".join(key.split("/")[2:]): gzip.decompress(body).decode()
            for key, body in self.objects.items()
            if key.endswith(".gz")
        }


@pytest.fixture
def logs(log_store: LogStore, resources: Resources, clock: FakeClock) -> Logs:
    for stream in ("a/1", "b"):
        lines = [LogLine(at, f"{stream} {at}") for at in (1, 50, 100, 101)]
        log_store.append(*PLACE, "g", stream, lines)
    return Logs(log_store, resources, clock)


@pytest.fixture
async def bench(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(exporter, "RETRY_SECONDS", 0)
    bench = Bench(logs)
    yield bench
    bench.running.cancel()
    await asyncio.wait([bench.running])


async def test_streams_are_written_in_parts(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "PART_SIZE", 40)
    id = (await bench.call("CreateExportTask", **SPAN, taskName="t"))["taskId"]
    task = await bench.task(id, until="COMPLETED")
    assert (task["taskName"], task["destinationPrefix"]) == ("t", "exportedlogs")
    assert task["executionInfo"].keys() == {"creationTime", "completionTime"}
    day = "1970-01-01T00:00:00"
    assert bench.texts() == {
        "a-1/000000.gz": f"{day}.001Z a/1 1\n{day}.050Z a/1 50\n",
        "a-1/000001.gz": f"{day}.100Z a/1 100\n",
        "b/000000.gz": f"{day}.001Z b 1\n{day}.050Z b 50\n",
        "b/000001.gz": f"{day}.100Z b 100\n",
    }


async def test_what_fails_for_a_while_is_tried_again(bench: Bench) -> None:
    id = (await bench.call("CreateExportTask", **SPAN))["taskId"]
    bench.failures = exporter.ATTEMPTS - 1
    await bench.task(id, until="COMPLETED")
    other = (await bench.call("CreateExportTask", **SPAN))["taskId"]
    bench.failures = exporter.ATTEMPTS
    task = await bench.task(other, until="FAILED")
    assert "not now" in task["status"]["message"]


async def test_one_task_runs_at_a_time_and_can_be_cancelled(bench: Bench) -> None:
    id = (await bench.call("CreateExportTask", **SPAN))["taskId"]
    bench.gate.clear()
    await bench.task(id, until=RUNNING)
    with pytest.raises(ClientError, match="Resource limit exceeded"):
        await bench.call("CreateExportTask", **SPAN)
    await bench.call("CancelExportTask", taskId=id)
    bench.gate.set()
    assert (await bench.task(id))["status"]["code"] == "CANCELLED"
    with pytest.raises(ClientError, match="already finished"):
        await bench.call("CancelExportTask", taskId=id)


async def test_a_bucket_that_does_not_answer_holds_up_nobody(bench: Bench, logs: Logs) -> None:
    bench.gate.clear()
    both = [asyncio.create_task(bench.call("CreateExportTask", **SPAN)) for _ in range(2)]
    await asyncio.wait(both, timeout=0.01)
    assert not logs.lock.locked()
    # and of those that have waited for it, one is begun
    bench.gate.set()
    begun = await asyncio.gather(*both, return_exceptions=True)
    assert {type(each) for each in begun} == {dict, ClientError}


async def test_a_task_that_was_interrupted_begins_anew(bench: Bench, logs: Logs) -> None:
    # Given one that a killed server had begun
    id = (await bench.call("CreateExportTask", **SPAN))["taskId"]
    await bench.task(id, until="COMPLETED")
    task = logs.resources.find(ExportTask, *PLACE, id)
    assert task is not None
    await logs.resources.save(replace(task, status=RUNNING, ended_ms=None))
    texts = bench.texts()
    # When the next server starts
    following = Bench(logs)
    await following.task(id, until="COMPLETED")
    following.running.cancel()
    # Then the same objects are written
    assert following.texts() == texts


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"logGroupName": "none"}, "ResourceNotFoundException"),
        ({"from": 100}, "InvalidParameterException"),
        ({"destination": "none"}, "InvalidParameterException"),
    ],
)
async def test_what_cannot_be_exported_is_refused(
    bench: Bench, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        await bench.call("CreateExportTask", **{**SPAN, **changes})
    assert refused.value.code == code
