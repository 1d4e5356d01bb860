"""The actions that changes of alarms set off: done at once, and again while their targets cannot be
reached.

Each target of an alarm hears of its changes in their order, one after the other. A target that does
not answer delays no other.
"""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace

from lambdad.client.client import Client
from lambdad.errors import ClientError, LambdadError
from lambdad.model.alarm_document import Alarm, PendingAction
from lambdad.model.caller import Caller
from lambdad.model.resource import Key
from lambdad.services.cloudwatch.alarm_changes import action_entry
from lambdad.services.cloudwatch.cloudwatch import CloudWatch

GIVE_UP_AFTER = 6 * 3600.0  # seconds for which an action is tried
RETRY_SECONDS = 5.0
AT_ONCE = 100  # calls under way

_log = logging.getLogger(__name__)


class AlarmActions:
    """Does what the alarms of the node have pending; `client` reaches what they name. An action is
    pending on disk until it is done, so that a crash may do it twice, and forgets none."""

    def __init__(
        self, cloudwatch: CloudWatch, client: Client, *, retry_seconds: float = RETRY_SECONDS
    ) -> None:
        self._cloudwatch = cloudwatch
        self._client = client
        self._retry_seconds = retry_seconds
        self._served: set[tuple[Key, str]] = set()  # targets of alarms, each with a task
        self._places = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        """Act until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._cloudwatch.actions_pending.clear()
                for alarm in self._cloudwatch.resources.all(Alarm):
                    for target in {(alarm.key, action.arn) for action in alarm.pending}:
                        if target not in self._served:
                            self._served.add(target)
                            tasks.create_task(self._serve(*target))
                await self._cloudwatch.actions_pending.wait()

    async def _serve(self, key: Key, arn: str) -> None:
        """Do what is pending for one target of an alarm until nothing is."""
        outcomes: dict[PendingAction, str | None] = {}  # until they are on disk: done is done
        while (found := self._oldest(key, arn)) is not None:
            alarm, action = found
            try:
                if action not in outcomes:
                    async with self._places:
                        outcomes[action] = await self._act(alarm, action)
                await self._settle(alarm, action, outcomes[action])
                del outcomes[action]
            except Exception as error:  # also a fault of ours: the others must not wait for it
                _log.warning("The action %s of %s is not done yet: %r", arn, alarm.arn, error)
                await asyncio.sleep(self._retry_seconds)
        self._served.discard((key, arn))

    def _oldest(self, key: Key, arn: str) -> tuple[Alarm, PendingAction] | None:
        alarm = self._cloudwatch.resources.find(Alarm, *key)
        if alarm is None:
            return None
        return next(((alarm, action) for action in alarm.pending if action.arn == arn), None)

    async def _act(self, alarm: Alarm, action: PendingAction) -> str | None:
        """Do it, and return why it failed for good, if it did; raises what may pass."""
        try:
            await self._do(alarm, action)
        except LambdadError as error:
            age = self._cloudwatch.clock.now() - action.created_at
            if not isinstance(error, ClientError) and age < GIVE_UP_AFTER:
                raise
            return str(error)
        return None

    async def _do(self, alarm: Alarm, action: PendingAction) -> None:
        service = action.arn.split(":", 3)[2:3]
        caller = Caller(alarm.account_id, alarm.region)
        match service:
            case ["lambda"]:
                parameters = {
                    "FunctionName": action.arn,
                    "InvocationType": "Event",
                    "Payload": action.body.encode(),
                }
                await self._client.call("lambda", "Invoke", parameters, caller)
            case ["sns"]:
                state = json.loads(action.body)["NewStateValue"]  # the alarm may have another now
                subject = f'{state}: "{alarm.name}" in {alarm.region}'[:100]
                parameters = {"TopicArn": action.arn, "Subject": subject, "Message": action.body}
                await self._client.call("sns", "Publish", parameters, caller)
            case _:
                raise ClientError(
                    "InvalidParameterValueException",
                    f"lambdad does not support the action {action.arn}: a function or an SNS topic "
                    "can be one.",
                )

    async def _settle(self, alarm: Alarm, action: PendingAction, failure: str | None) -> None:
        """It is pending no more, and the alarm's history tells what became of it."""
        async with self._cloudwatch.lock:
            now = self._cloudwatch.resources.find(Alarm, *alarm.key)
            if now is not None:
                left = tuple(each for each in now.pending if each != action)
                await self._cloudwatch.resources.save(replace(now, pending=left))
        entry = action_entry(alarm, self._cloudwatch.clock.now(), action.arn, failure)
        await self._cloudwatch.history.add(entry)
