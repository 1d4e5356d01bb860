"""The feed of subscription filters: what it hands over, and from where it goes on."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.errors import ClientError
from lambdad.model import subscription_filter
from lambdad.model.function import Code, Function, FunctionVersion, Status
from lambdad.model.log_line import LogLine
from lambdad.model.resource import Key
from lambdad.model.subscription_filter import SubscriptionFilter
from lambdad.observe.log_store import LogStore
from lambdad.services.logs import Logs, SubscriptionFeed, subscription_feed
from lambdad.store.database import Database
from lambdad.store.log_cursors import Cursor, read_cursors
from lambdad.store.resources import Resources

PLACE = ("000000000000", "us-east-1")
ARN = "arn:aws:lambda:us-east-1:000000000000:function:target"


class Bench:
    """A feed of filters. No more than `refuse_after` events are accepted."""

    def __init__(self, directory: Path, clock: FakeClock) -> None:
        self.database = Database.open(directory / "state.db")
        self.store = LogStore.open(directory / "logs", flush_every=60, clock=clock)
        self.clock = clock
        self.accepted: list[list[str]] = []
        self.refuse_after = 99
        self.refused = 0
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def feed(self) -> AsyncIterator[Resources]:
        """A feed that runs; leaving it is a crash."""
        resources = await Resources.load(self.database)
        logs = Logs(self.store, resources, self.clock)
        feeding = asyncio.create_task(SubscriptionFeed(logs, self.database, self).run())  # type: ignore[arg-type]
        try:
            yield resources
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])

    async def accept(
        self,
        function: Key,
        qualifier: str | None,
        payload: bytes,
        *,
        request_id: str,
        also: Callable[[Any], None],
    ) -> None:
        """What the feed does with an event, in the dispatcher's stead."""
        self.asked.set()
        if len(self.accepted) >= self.refuse_after:
            self.refused += 1
            raise ClientError("TooManyRequestsException", "not now")
        packed = base64.b64decode(json.loads(payload)["awslogs"]["data"])
        events = json.loads(gzip.decompress(packed))["logEvents"]
        await self.database.write(also)
        self.accepted.append([event["message"] for event in events])
        self.asked.set()

    def write(self, *messages: str, group: str = "g") -> None:
        """Lines of one frame, on disk."""
        self.store.append(*PLACE, group, "s", [LogLine(1, message) for message in messages])
        self.store.flush()

    async def told(self, expected: list[list[str]]) -> None:
        await self.until(lambda: len(self.accepted) >= len(expected))
        assert self.accepted == expected

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what an event brings about."""
        async with asyncio.timeout(5):
            while not holds():
                self.asked.clear()
                await self.asked.wait()

    def close(self) -> None:
        self.store.close()
        self.database.close()


@pytest.fixture
async def bench(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    monkeypatch.setattr(subscription_feed, "LOOK_SECONDS", 0.005)
    bench = Bench(tmp_path, clock)
    resources = await Resources.load(bench.database)
    await resources.save(
        Function(
            FunctionVersion(
                *(*PLACE, "target"),
                version="$LATEST",
                runtime="python3.12",
                handler="app.handler",
                role="arn:aws:iam::000000000000:role/r",
                code=Code("ab" * 32, 1),
                revision_id="1",
                last_modified=1.0,
                state=Status("Active"),
                settings={"LoggingConfig": {"LogGroup": "own"}},
            )
        ),
        SubscriptionFilter(*PLACE, "g", "f", "-secret", ARN, 0, start_frame=1),
        SubscriptionFilter(*PLACE, "own", "f", "", ARN, 0, start_frame=0),
    )
    yield bench
    bench.close()


async def test_lines_behind_the_start_are_handed_over_in_order(bench: Bench) -> None:
    bench.write("before the filter")
    bench.write("a", "secret", "b")
    async with bench.feed():
        await bench.told([["a", "b"]])
        bench.write("secret")
        bench.write("c")
        await bench.told([["a", "b"], ["c"]])


async def test_what_is_refused_waits_and_a_crash_repeats_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a frame that makes three events
    monkeypatch.setattr(subscription_filter, "MAX_BATCH_SIZE", 1)
    monkeypatch.setattr(subscription_feed, "LOOK_SECONDS", 60)
    bench.write("before the filter")
    bench.write("a", "b", "c")
    # When the second is refused, and the feed ends before it tries again
    bench.refuse_after = 1
    async with bench.feed():
        await bench.until(lambda: bool(bench.refused))
    assert bench.accepted == [["a"]]
    # Then the next one goes on where that one was
    bench.refuse_after = 99
    async with bench.feed():
        await bench.told([["a"], ["b"], ["c"]])


async def test_why_lines_wait_is_said_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(subscription_feed, "LOOK_SECONDS", 0.001)
    bench.write("before the filter")
    bench.refuse_after = 0
    bench.write("a")
    async with bench.feed():
        await bench.until(lambda: bench.refused > 3)
    assert caplog.text.count("not now") == 1


async def test_the_cursor_is_in_the_transaction_of_the_event(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription_filter, "MAX_BATCH_SIZE", 1)
    bench.write("before the filter")
    bench.write("a", "b")
    async with bench.feed():
        await bench.told([["a"], ["b"]])
    assert (await bench.database.read(read_cursors))[(*PLACE, "g:f")] == Cursor(2, 2)


async def test_a_function_gets_its_own_log_only_now_and_then(bench: Bench) -> None:
    async with bench.feed():
        for number in range(40):
            bench.write(f"{number}", group="own")
        bench.write("after them")
        await bench.until(lambda: len(bench.accepted) > subscription_feed.LOOP_BURST)
        await asyncio.sleep(0.05)
        assert len(bench.accepted) == 1 + subscription_feed.LOOP_BURST
        # Later it gets lines again
        bench.clock.advance(10)
        bench.write("later", group="own")
        await bench.told([*bench.accepted, ["later"]])


async def test_lines_for_a_function_that_is_gone_are_skipped(bench: Bench) -> None:
    bench.write("before the filter")
    async with bench.feed() as resources:
        function = resources.find(Function, *PLACE, "target")
        assert function is not None
        await resources.delete(function)
        bench.write("lost")
        await asyncio.sleep(0.05)
        await resources.save(function)
        bench.write("found")
        await bench.told([["found"]])
