"""The journal: lines, metrics and usage reach the disk together, and are settled once."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.model.function import Code, FunctionVersion, Status
from lambdad.model.invocation import Ended, FunctionError, Report
from lambdad.model.log_line import LogLine
from lambdad.model.metric import FIVE_MINUTES, HOUR, KEPT, MINUTE, SECOND, Metric
from lambdad.model.metric_filter import MetricFilter, MetricTransformation
from lambdad.model.usage import Usage
from lambdad.observe.metric_store import Wanted
from lambdad.observe.observation import Observation
from lambdad.store.database import Connection, Database
from lambdad.store.settled_frames import read_settled_frame

ACCOUNT, REGION = "000000000000", "us-east-1"
NOW = 1_700_000_040  # a minute begins
VERSION = FunctionVersion(
    *(ACCOUNT, REGION, "thumbnail", "$LATEST", "python3.13", "app.handler", "role"),
    code=Code("0" * 64, 1),
    revision_id="1",
    last_modified=NOW,
    state=Status("Active"),
)
REQUESTS = Metric(ACCOUNT, REGION, "Shop", "Requests", (("Page", "cart"),))


class Node:
    """What observes, on one directory; it can be killed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = FakeClock(NOW)

    async def start(self) -> None:
        self.database = Database.open(self.directory / "state.db")
        self.seen = await Observation.open(
            self.database, self.directory / "logs", self.clock, "x86_64", is_on=True
        )

    async def kill(self, *, torn: bool = False) -> None:
        """Go on from what is on disk now, as a node that was killed does. The last frame may be
        torn."""
        taken = self.directory.with_name(f"{self.directory.name}-killed")
        shutil.copytree(self.directory, taken)
        if torn:
            segment = max((taken / "logs").glob("*.segment"))
            os.truncate(segment, segment.stat().st_size - 1)
        await self.stop()
        self.directory = taken
        await self.start()

    async def stop(self) -> None:
        await self.seen.close()
        self.database.close()

    def put(self, value: float, at: int = NOW, grain: int = MINUTE) -> None:
        points = self.seen.metrics
        self.seen.logs.note(
            lambda: points.points(REQUESTS).at("Count", grain, at // grain * grain).add(value)
        )

    async def sum(self, start: int = NOW - HOUR, end: int = NOW + HOUR) -> float:
        found = await self.seen.metrics.read(Wanted(REQUESTS, None, start, end, end - start))
        return sum(values.sum for sets in found.values() for values in sets.values())


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    node = Node(tmp_path / "node")
    node.directory.mkdir()
    await node.start()
    yield node
    await node.stop()


def ended(billed_ms: int = 100, **changes: object) -> Ended:
    figures = {
        "request_id": "r",
        "duration_ms": billed_ms - 0.5,
        "billed_duration_ms": billed_ms,
        "memory_size_mb": 128,
        "max_memory_used_mb": 40,
        "cpu_ms": 20.0,
        **changes,
    }
    return Ended(VERSION.unqualified_arn, "on-demand", Report(**figures))  # type: ignore[arg-type]


def run(node: Node, each: Ended) -> None:
    node.seen.recorder.record(VERSION, "s", [LogLine(NOW * 1000, "REPORT")], each)


async def used(node: Node) -> Usage:
    found = await node.seen.ledger.read(ACCOUNT, REGION, "2023-01-01", "2023-12-31")
    total = Usage()
    for each in found.values():
        total.merge(each)
    return total


async def test_what_was_flushed_survives_a_kill(node: Node) -> None:
    node.put(3)
    node.put(4, NOW + MINUTE)
    node.seen.logs.flush()
    await node.kill()
    assert await node.sum() == 7


async def test_figures_are_in_the_frame_of_their_lines_when_several_wait(node: Node) -> None:
    # Given two invocations in two frames, of which a crash tears the last
    run(node, ended(100))
    node.seen.logs.create_group(ACCOUNT, REGION, "another")  # begins a frame
    run(node, ended(7))
    node.seen.logs.flush()
    await node.kill(torn=True)
    # Then the line and the usage of the first are there, and neither of the other
    assert len(list(node.seen.logs.read(ACCOUNT, REGION, VERSION.log_group))) == 1
    assert (await used(node)).billed_duration_ms == 100


async def test_whoever_waits_for_the_database_while_it_settles_counts_once(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a reader that gets its turn after all has been settled
    node.put(3)
    node.seen.logs.flush()
    read, turns = Database.read, 0

    async def read_late(self: Database, query: Callable[[Connection], Any]) -> Any:
        nonlocal turns
        turns += 1
        if turns == 1:
            await node.seen.journal.settle(node.seen.logs)
        return await read(self, query)

    monkeypatch.setattr(Database, "read", read_late)
    # Then
    assert await node.sum() == 3
    assert turns == 2


async def test_a_fault_in_the_figures_costs_no_lines(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    broken: Any = None
    node.seen.logs.note(lambda: node.seen.metrics._book.gathered.update({REQUESTS: broken}))
    node.seen.logs.append(ACCOUNT, REGION, "g", "s", [LogLine(NOW * 1000, "kept")])
    node.seen.logs.flush()
    found = list(node.seen.logs.read(ACCOUNT, REGION, "g"))
    assert [each.line.message for each in found] == ["kept"]
    assert "Metrics and usage of frame" in caplog.text


async def test_much_that_is_unsettled_is_settled_soon(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lambdad.observe.journal.SETTLE_AT", 0)
    node.put(3)
    node.seen.logs.flush()
    settling = asyncio.create_task(node.seen.journal.settle_forever(node.seen.logs))
    while await node.database.read(read_settled_frame) == 0:  # noqa: ASYNC110 - no event tells it
        await asyncio.sleep(0.01)
    settling.cancel()
    assert await node.sum() == 3


async def test_values_of_lines_that_are_too_great_to_add_up_are_passed_over(node: Node) -> None:
    transformation = MetricTransformation("Shop", "Requests", "$.n", "Count")
    filters = [MetricFilter(ACCOUNT, REGION, "g", "f", "{ $.n > 0 }", transformation, 0)]
    node.seen.metrics._filters = lambda: filters
    lines = [LogLine(NOW * 1000, json.dumps({"n": n})) for n in (1e300, 3)]
    node.seen.logs.append(ACCOUNT, REGION, "g", "s", lines)
    node.seen.logs.flush()
    metric = Metric(ACCOUNT, REGION, "Shop", "Requests", ())
    found = await node.seen.metrics.read(Wanted(metric, None, NOW, NOW + MINUTE, MINUTE))
    assert found["Count"][NOW].sum == 3


async def test_settled_figures_are_not_counted_twice_after_a_kill(node: Node) -> None:
    # Given figures that are settled, and some behind them
    node.put(3)
    node.seen.logs.flush()
    await node.seen.journal.settle(node.seen.logs)
    node.put(4)
    node.seen.logs.flush()
    # When the node is killed, twice
    await node.kill()
    await node.kill()
    # Then
    assert await node.sum() == 7


async def test_reading_while_figures_are_settled_sees_each_once(node: Node) -> None:
    total = 0
    for value in range(1, 20):
        node.put(value)
        total += value
        node.seen.logs.flush()
        node.seen.journal._begin_settling()
        assert await node.sum() == total
        await node.seen.journal.settle(node.seen.logs)
        assert await node.sum() == total


async def test_figures_are_kept_when_the_logs_were_lost(node: Node) -> None:
    """Frames count on from what is settled, also in a directory without logs."""
    node.put(3)
    await node.seen.journal.settle(node.seen.logs)
    await node.stop()
    shutil.rmtree(node.directory / "logs")
    await node.start()
    node.put(4)
    node.seen.logs.flush()
    await node.kill()
    assert await node.sum() == 7


async def test_lines_metrics_and_usage_of_an_invocation_come_or_go_together(node: Node) -> None:
    run(node, ended(100))
    node.seen.logs.flush()
    await node.kill()
    metric = Metric(ACCOUNT, REGION, "AWS/Lambda", "Invocations", (("FunctionName", "thumbnail"),))
    found = await node.seen.metrics.read(Wanted(metric, None, NOW, NOW + MINUTE, MINUTE))
    assert found["Count"][NOW].sum == 1
    assert (await used(node)).billed_duration_ms == 100
    assert len(list(node.seen.logs.read(ACCOUNT, REGION, VERSION.log_group))) == 1


async def test_usage_adds_up(node: Node) -> None:
    for billed_ms in range(1, 101):
        run(node, ended(billed_ms))
        if billed_ms % 30 == 0:
            node.seen.logs.flush()
            await node.seen.journal.settle(node.seen.logs)
    error = FunctionError("Runtime.ExitError")
    run(node, ended(7, error=error, max_memory_used_mb=90))
    node.seen.logs.flush()
    total = await used(node)
    assert (total.invocations, total.errors) == (101, 1)
    assert total.billed_duration_ms == 5050 + 7
    assert total.max_memory_used_mb == 90
    assert total.cpu_ms == pytest.approx(101 * 20)


async def test_metrics_count_for_region_function_and_alias(node: Node) -> None:
    each = ended()
    aliased = Ended(f"{VERSION.unqualified_arn}:live", "on-demand", each.report)
    node.seen.recorder.record(VERSION, "s", [LogLine(NOW * 1000, "REPORT")], aliased)
    node.seen.logs.flush()
    found = await node.seen.metrics.metrics(ACCOUNT, REGION)
    assert {metric.dimensions for metric in found if metric.name == "Duration"} == {
        (),
        (("FunctionName", "thumbnail"),),
        (("FunctionName", "thumbnail"), ("Resource", "thumbnail:live")),
        (
            ("ExecutedVersion", "$LATEST"),
            ("FunctionName", "thumbnail"),
            ("Resource", "thumbnail:live"),
        ),
    }


async def test_periods_begin_where_they_are_asked_for(node: Node) -> None:
    for minute in range(6):
        node.put(minute, NOW + minute * MINUTE)
    node.seen.logs.flush()
    found = await node.seen.metrics.read(Wanted(REQUESTS, None, NOW, NOW + 360, 120))
    assert {at: values.sum for at, values in found["Count"].items()} == {
        NOW: 1,
        NOW + 120: 5,
        NOW + 240: 9,
    }


async def test_seconds_are_told_apart_at_high_resolution(node: Node) -> None:
    for second in range(3):
        node.put(1, NOW + second, SECOND)
    node.seen.logs.flush()
    await node.seen.journal.settle(node.seen.logs)
    found = await node.seen.metrics.read(Wanted(REQUESTS, None, NOW, NOW + 10, SECOND))
    assert list(found["Count"]) == [NOW, NOW + 1, NOW + 2]


async def test_old_values_are_rolled_up_and_then_forgotten(node: Node) -> None:
    # Given a value a minute for an hour
    start = NOW // HOUR * HOUR
    for minute in range(60):
        node.put(minute, start + minute * MINUTE)
    await node.seen.journal.settle(node.seen.logs)
    expected = [sum(range(five, five + 5)) for five in range(0, 60, 5)]
    # When they are older than minutes are kept
    node.clock.advance(KEPT[MINUTE] + 2 * HOUR)
    await node.seen.metrics.age()
    # Then they are there in sets of five minutes
    found = await node.seen.metrics.read(Wanted(REQUESTS, None, start, start + HOUR, FIVE_MINUTES))
    assert [values.sum for _, values in sorted(found["Count"].items())] == expected
    # And later in sets of an hour, and at last not at all
    node.clock.advance(KEPT[FIVE_MINUTES] - KEPT[MINUTE])
    await node.seen.metrics.age()
    assert await node.sum(start, start + HOUR) == sum(range(60))
    node.clock.advance(KEPT[HOUR])
    await node.seen.metrics.age()
    assert await node.sum(start, start + HOUR) == 0
    assert not await node.seen.metrics.metrics(ACCOUNT, REGION)


async def test_metrics_that_lines_tell_are_in_the_frame_of_the_lines(node: Node) -> None:
    about = {
        "Timestamp": NOW * 1000,
        "CloudWatchMetrics": [
            {"Namespace": "Shop", "Dimensions": [["Page"]], "Metrics": [{"Name": "Requests"}]}
        ],
    }
    message = json.dumps({"_aws": about, "Page": "cart", "Requests": [3, 4]})
    lines = [LogLine(NOW * 1000, message), LogLine(NOW * 1000, "another line")]
    node.seen.logs.append(ACCOUNT, REGION, "g", "s", lines)
    node.seen.logs.flush()
    await node.kill()
    assert await node.sum() == 7


async def test_a_range_that_begins_where_values_are_rolled_up_has_the_new_ones_too(
    node: Node,
) -> None:
    node.put(3)
    await node.seen.journal.settle(node.seen.logs)
    node.clock.advance(KEPT[MINUTE] + 2 * HOUR)
    await node.seen.metrics.age()
    now = int(node.clock.now()) // HOUR * HOUR
    node.put(4, now)
    await node.seen.journal.settle(node.seen.logs)
    assert await node.sum(NOW // HOUR * HOUR, now + HOUR) == 7


async def test_percentiles_survive_settling_and_the_journal(node: Node) -> None:
    for value in range(1, 101):
        node.put(value)
        if value == 50:
            node.seen.logs.flush()
            await node.seen.journal.settle(node.seen.logs)
    node.seen.logs.flush()
    await node.kill()
    found = await node.seen.metrics.read(
        Wanted(REQUESTS, "Count", NOW, NOW + MINUTE, MINUTE, with_buckets=True)
    )
    assert found["Count"][NOW].statistic("p90") == pytest.approx(90, rel=0.02)
