"""Actions of alarms: each target hears of the changes in their order, and waits for no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lambdad.client.client import Client
from lambdad.clock import FakeClock
from lambdad.errors import PlatformError
from lambdad.model.alarm_document import ALARM, OK, Alarm
from lambdad.model.caller import RequestContext
from lambdad.services.cloudwatch import AlarmActions, CloudWatch
from lambdad.services.cloudwatch.alarm_actions import GIVE_UP_AFTER
from lambdad.services.cloudwatch.alarm_state import change_state
from lambdad.store.resources import Resources

ACCOUNT, REGION = "000000000000", "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:operators"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:page"

Operation = Callable[[RequestContext, dict[str, Any]], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def acting(
    cloudwatch: CloudWatch, **operations: Operation
) -> AsyncIterator[asyncio.Task[None]]:
    """The actions are done, by these operations of SNS and Lambda."""
    names = {"publish": ("sns", "Publish"), "invoke": ("lambda", "Invoke")}
    client = Client(
        {names[name]: run for name, run in operations.items()}, endpoint_url="http://127.0.0.1"
    )
    task = asyncio.create_task(AlarmActions(cloudwatch, client, retry_seconds=0.01).run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def save(cloudwatch: CloudWatch, name: str, *targets: str) -> None:
    actions = list(targets)
    settings = {"AlarmRule": "TRUE", "AlarmActions": actions, "OKActions": actions}
    await cloudwatch.resources.save(Alarm(ACCOUNT, REGION, name, True, settings, 0.0))


def alarm_of(cloudwatch: CloudWatch, name: str) -> Alarm:
    alarm = cloudwatch.resources.find(Alarm, ACCOUNT, REGION, name)
    assert alarm is not None
    return alarm


async def change(cloudwatch: CloudWatch, name: str, state: str) -> None:
    alarm = alarm_of(cloudwatch, name)
    async with cloudwatch.lock:
        await change_state(cloudwatch, alarm, state, "a test", "")


async def settled(cloudwatch: CloudWatch, name: str) -> None:
    """Return when nothing of this alarm is pending."""
    while alarm_of(cloudwatch, name).pending:  # noqa: ASYNC110 - there is no event of it
        await asyncio.sleep(0.005)


async def test_a_target_that_does_not_answer_delays_no_other(cloudwatch: CloudWatch) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def publish(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def invoke(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        heard.put_nowait(request["FunctionName"])
        return {}

    # Given a topic that never answers, before a function in one alarm, and alone in another
    await save(cloudwatch, "silent", TOPIC)
    await save(cloudwatch, "both", TOPIC, FUNCTION)
    async with acting(cloudwatch, publish=publish, invoke=invoke):
        for name in ("silent", "both"):
            await change(cloudwatch, name, ALARM)
        # Then the function hears of its alarm, again and again
        assert await heard.get() == FUNCTION
        await change(cloudwatch, "both", OK)
        assert await heard.get() == FUNCTION


async def test_a_target_that_fails_hears_of_all_changes_in_order(cloudwatch: CloudWatch) -> None:
    heard: list[str] = []
    failures = 3

    async def publish(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise PlatformError("No answer.")
        heard.append(request["Subject"])
        return {}

    await save(cloudwatch, "load", TOPIC)
    async with acting(cloudwatch, publish=publish):
        for state in (ALARM, OK, ALARM):
            await change(cloudwatch, "load", state)
        await settled(cloudwatch, "load")
    assert [subject.split(":")[0] for subject in heard] == [ALARM, OK, ALARM]


async def test_what_was_pending_at_a_crash_is_done_after_it(cloudwatch: CloudWatch) -> None:
    async def publish(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        return {}

    await save(cloudwatch, "load", TOPIC)
    await change(cloudwatch, "load", ALARM)
    cloudwatch.actions_pending.clear()  # nobody tells the new process
    async with acting(cloudwatch, publish=publish):
        await settled(cloudwatch, "load")
    (entry,) = await action_entries(cloudwatch)
    assert "Successfully executed" in entry


async def test_what_is_done_is_not_done_again_while_the_disk_refuses(
    cloudwatch: CloudWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a disk that refuses three times
    save_document, refusals, heard = Resources.save, 3, 0

    async def save_late(self: Resources, alarm: Any) -> None:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise PlatformError("The disk is full.")
        await save_document(self, alarm)

    async def publish(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        nonlocal heard
        heard += 1
        return {}

    await save(cloudwatch, "load", TOPIC)
    await change(cloudwatch, "load", ALARM)
    monkeypatch.setattr(Resources, "save", save_late)
    # When
    async with acting(cloudwatch, publish=publish):
        await settled(cloudwatch, "load")
    # Then
    assert (refusals, heard) == (-1, 1)


async def test_an_action_is_given_up_after_hours_and_the_history_says_why(
    cloudwatch: CloudWatch, clock: FakeClock
) -> None:
    async def publish(context: RequestContext, request: dict[str, Any]) -> dict[str, Any]:
        clock.advance(GIVE_UP_AFTER)
        raise PlatformError("The endpoint does not answer.")

    await save(cloudwatch, "load", TOPIC)
    async with acting(cloudwatch, publish=publish):
        await change(cloudwatch, "load", ALARM)
        await settled(cloudwatch, "load")
    (entry,) = await action_entries(cloudwatch)
    assert "The endpoint does not answer." in entry


async def action_entries(cloudwatch: CloudWatch) -> list[str]:
    """The summaries of the alarm `load`'s actions, once there is one."""
    while True:
        entries = await cloudwatch.history.read(
            ACCOUNT,
            REGION,
            alarm_name="load",
            item_type="Action",
            start=0,
            end=float(2**40),
            newest_first=False,
        )
        if entries:
            return [each.summary for each in entries]
        await asyncio.sleep(0.005)
