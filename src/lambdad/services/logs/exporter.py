"""Writes exported lines to a bucket: a stream at a time, in objects of some megabytes.

A task that a killed server had begun is begun anew; it writes the same objects.
"""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Iterator
from dataclasses import replace

from lambdad.client.client import Client
from lambdad.errors import ClientError, PlatformError
from lambdad.model.caller import Caller
from lambdad.model.export_task import COMPLETED, FAILED, RUNNING, ExportTask, exported
from lambdad.services.logs.logs import Logs
from lambdad.services.logs.names import invalid_parameter

PART_SIZE = 16 << 20  # characters in one object, before they are compressed
ATTEMPTS = 4
RETRY_SECONDS = 2.0
KEPT_MS = 90 * 86_400_000  # for which a task that has ended is told of

_TEST_OBJECT = "aws-logs-write-test"

_log = logging.getLogger(__name__)


class Exporter:
    """Does the export tasks of the node, one after the other; `wake` says that there is one."""

    def __init__(self, logs: Logs) -> None:
        self.logs = logs
        self.wake = asyncio.Event()
        self._client: Client | None = None

    def reach_through(self, client: Client) -> None:
        """Buckets are to be found there."""
        self._client = client

    async def try_bucket(self, task: ExportTask) -> None:
        """Refuse a task whose bucket cannot be written to."""
        try:
            await self._put(task, f"{task.prefix}/{_TEST_OBJECT}", b"Permission Check Successful")
        except ClientError as error:
            raise invalid_parameter(
                f"The bucket {task.bucket} cannot be written to: {error.message}"
            ) from error

    async def run(self) -> None:
        """Export until cancelled."""
        while True:
            self.wake.clear()
            for task in self.logs.resources.all(ExportTask):
                if task.is_active:
                    await self._export(task)
                elif (task.ended_ms or 0) < self.logs.now_ms() - KEPT_MS:
                    await self.logs.resources.delete(task)
            await self.wake.wait()

    async def _export(self, task: ExportTask) -> None:
        await self._settle(task, RUNNING)
        try:
            await self._write(task)
        except (ClientError, PlatformError, OSError) as error:
            await self._settle(task, FAILED, str(error))
        except Exception as error:
            _log.exception("The export task %s has failed.", task.id)
            await self._settle(task, FAILED, repr(error))
        else:
            await self._settle(task, COMPLETED, "Completed successfully")

    async def _write(self, task: ExportTask) -> None:
        place = (task.account_id, task.region, task.log_group)
        streams = await asyncio.to_thread(self.logs.store.streams, *place, task.stream_prefix)
        for stream in streams:
            parts, number = self._parts(task, stream.name), 0
            while (part := await asyncio.to_thread(next, parts, None)) is not None:
                if not self._is_wanted(task):
                    return
                await self._put_patiently(task, task.object_key(stream.name, number), part)
                number += 1

    def _parts(self, task: ExportTask, stream: str) -> Iterator[bytes]:
        """The stream's lines in compressed parts."""
        place = (task.account_id, task.region, task.log_group)
        lines: list[str] = []
        size = 0
        for line in self.logs.store.read(*place, [stream], task.start_ms, task.end_ms + 1):
            lines.append(exported(line.line))
            size += len(lines[-1])
            if size > PART_SIZE:
                yield _compressed(lines)
                lines, size = [], 0
        if lines:
            yield _compressed(lines)

    async def _put_patiently(self, task: ExportTask, key: str, body: bytes) -> None:
        """What fails may pass."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._put(task, key, body)
            except PlatformError:
                if attempt == ATTEMPTS:
                    raise
            await asyncio.sleep(RETRY_SECONDS * attempt)

    async def _put(self, task: ExportTask, key: str, body: bytes) -> None:
        assert self._client is not None, "The node says where buckets are before it serves."
        parameters = {"Bucket": task.bucket, "Key": key, "Body": body}
        caller = Caller(task.account_id, task.region)
        answer = await self._client.call("s3", "PutObject", parameters, caller)
        if "ETag" not in answer:
            raise PlatformError("PutObject of s3 has answered without ETag.")

    def _is_wanted(self, task: ExportTask) -> bool:
        """Whether nobody has cancelled it."""
        now = self.logs.resources.find(ExportTask, *task.key)
        return now is not None and now.is_active

    async def _settle(self, task: ExportTask, status: str, message: str = "") -> None:
        """Write down how far it has come, unless it was cancelled."""
        async with self.logs.lock:
            if self._is_wanted(task):
                ended_ms = None if status == RUNNING else self.logs.now_ms()
                changed = replace(task, status=status, message=message, ended_ms=ended_ms)
                await self.logs.resources.save(changed)


def _compressed(lines: list[str]) -> bytes:
    return gzip.compress("".join(lines).encode(errors="replace"), mtime=0)
