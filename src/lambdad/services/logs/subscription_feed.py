"""Hands the lines of subscribed groups to functions, as asynchronous events.

    a frame of lines is on disk ──▶ those that pass, by stream ──▶ an event in the durable queue
                                                             └──▶ and the cursor, in its transaction

So each line that is on disk is handed over, and once, also by a server that was killed meanwhile.
What a function makes of an event is the queue's concern, as with every asynchronous invocation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from lambdad.arn import parse_function_identifier
from lambdad.errors import LambdadError
from lambdad.invocation.dispatcher import Dispatcher
from lambdad.invocation.token_bucket import TokenBucket
from lambdad.model.function import Function
from lambdad.model.metric_filter import read_pattern
from lambdad.model.resource import Key
from lambdad.model.subscription_filter import SubscriptionFilter, event_payloads
from lambdad.services.logs.logs import Logs
from lambdad.store.database import Database
from lambdad.store.log_cursors import (
    Cursor,
    cursor_of,
    first_followed_frame,
    forget_cursors,
    read_cursors,
    write_cursors,
)

LOOK_SECONDS = 0.25
SAVE_SECONDS = 60.0  # after which it is written down how far one has got without events
MOST_FRAMES, MOST_BYTES = 64, 8 << 20  # of one filter, until it is the others' turn

# Of a function that gets the lines of its own log group, and makes new ones with each event.
LOOP_BURST, LOOP_PER_SECOND = 16, 0.1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    """The payloads of some frames, and the first frame that was not looked at."""

    payloads: list[tuple[int, list[bytes]]]
    next_frame: int


class SubscriptionFeed:
    """Follows all subscribed groups of the node."""

    def __init__(self, logs: Logs, database: Database, dispatcher: Dispatcher) -> None:
        self._logs = logs
        self._database = database
        self._dispatcher = dispatcher
        self._cursors: dict[Key, Cursor] = {}
        self._saved: dict[Key, Cursor] = {}
        self._save_at = 0.0
        self._loops: dict[Key, TokenBucket] = {}
        self._warned: set[Key] = set()
        self._waits: dict[Key, str] = {}  # why, as was said

    async def run(self) -> None:
        """Feed until cancelled."""
        await self._load()
        while True:
            self._logs.subscriptions_changed.clear()
            subscriptions = self._logs.resources.all(SubscriptionFilter)
            for each in subscriptions:
                await self._try(each)
            self._follow(subscriptions)
            if subscriptions:
                await self._save_now_and_then()
                await asyncio.sleep(LOOK_SECONDS)
            else:
                await self._logs.subscriptions_changed.wait()

    def _follow(self, subscriptions: Iterable[SubscriptionFilter]) -> None:
        """Have the log store keep in their order the lines that are yet to be handed over."""
        self._logs.store.follow(first_followed_frame(subscriptions, self._cursors))

    async def _load(self) -> None:
        """How far each has got. Frames that are lost are not waited for."""
        there = {each.key for each in self._logs.resources.all(SubscriptionFilter)}
        self._saved = await self._database.read(read_cursors)
        gone = self._saved.keys() - there
        if gone:
            await self._database.write(partial(forget_cursors, keys=gone))
        self._save_at = self._logs.clock.monotonic() + SAVE_SECONDS
        end = Cursor(self._logs.store.durable_frame + 1)
        self._cursors = {key: min(self._saved[key], end) for key in self._saved.keys() & there}

    async def _try(self, subscription: SubscriptionFilter) -> None:
        try:
            await self._feed(subscription)
        except (LambdadError, OSError) as error:
            self._say_waiting(subscription, str(error))
        except Exception as error:
            if self._say_waiting(subscription, repr(error)):
                _log.exception("This is a fault of lambdad.")
        else:
            self._waits.pop(subscription.key, None)

    def _say_waiting(self, subscription: SubscriptionFilter, why: str) -> bool:
        """Once, though it is tried again four times a second."""
        is_new = self._waits.get(subscription.key) != why
        if is_new:
            self._waits[subscription.key] = why
            _log.warning("Lines for %s wait: %s", subscription.destination_arn, why)
        return is_new

    async def _feed(self, subscription: SubscriptionFilter) -> None:
        """Hand over what there is, or some of it if it is much."""
        cursor = cursor_of(subscription, self._cursors)
        durable_frame = self._logs.store.durable_frame
        if cursor.frame > durable_frame:
            return
        found = await asyncio.to_thread(self._find, subscription, cursor.frame, durable_frame)
        for frame, payloads in found.payloads:
            done = cursor.batches if frame == cursor.frame else 0
            for number, payload in enumerate(payloads[done:], start=done + 1):
                following = Cursor(frame, number)
                await self._hand_over(subscription, payload, following)
                self._cursors[subscription.key] = following
        self._cursors[subscription.key] = Cursor(found.next_frame)

    def _find(self, subscription: SubscriptionFilter, frame: int, durable_frame: int) -> _Found:
        account_id, region = subscription.account_id, subscription.region
        pattern = read_pattern(subscription.pattern)
        group = {(account_id, region, subscription.log_group)}
        found: list[tuple[int, list[bytes]]] = []
        size = 0
        for frames, arrival in enumerate(self._logs.store.arrivals(group, frame - 1)):
            if frames == MOST_FRAMES or size > MOST_BYTES:
                return _Found(found, arrival.frame)
            payloads = [
                payload
                for lines in arrival.lines.values()
                for payload in event_payloads(subscription, pattern, lines)
            ]
            found.append((arrival.frame, payloads))
            size += sum(map(len, payloads))
        last_frame = found[-1][0] if found else 0
        return _Found(found, max(durable_frame, last_frame) + 1)

    async def _hand_over(
        self, subscription: SubscriptionFilter, payload: bytes, following: Cursor
    ) -> None:
        """Have the event accepted together with the cursor; what nobody is to get is skipped."""
        written = parse_function_identifier(subscription.destination_arn)
        assert written is not None, "It was looked at when the filter was put."
        key = (str(written.account_id), str(written.region), written.name)
        function = self._logs.resources.find(Function, *key)
        if function is None:
            self._warn(subscription, "the function is no longer there")
        elif self._is_own(subscription, function) and not self._may_loop(subscription):
            self._warn(subscription, "the function gets its own log too often")
        else:
            await self._dispatcher.accept(
                key,
                written.qualifier,
                payload,
                request_id=str(uuid4()),
                also=partial(write_cursors, cursors={subscription.key: following}),
            )
            self._saved[subscription.key] = following

    def _is_own(self, subscription: SubscriptionFilter, function: Function) -> bool:
        group = (subscription.account_id, subscription.region, subscription.log_group)
        return group == (*function.key[:2], function.latest.log_group)

    def _may_loop(self, subscription: SubscriptionFilter) -> bool:
        now = self._logs.clock.monotonic()
        bucket = self._loops.get(subscription.key)
        if bucket is None:
            bucket = TokenBucket(LOOP_PER_SECOND, LOOP_BURST, now)
            self._loops[subscription.key] = bucket
        return bucket.take(now)

    def _warn(self, subscription: SubscriptionFilter, why: str) -> None:
        """Once for each filter: it may concern every line."""
        if subscription.key not in self._warned:
            self._warned.add(subscription.key)
            group, name = subscription.log_group, subscription.name
            _log.warning("Lines of %s are not handed over to %s: %s.", group, name, why)

    async def _save_now_and_then(self) -> None:
        """Write down how far those have got that find nothing, so that a start need not look
        again at all that has come since."""
        now = self._logs.clock.monotonic()
        changed = {
            key: cursor for key, cursor in self._cursors.items() if self._saved.get(key) != cursor
        }
        if not changed or now < self._save_at:
            return
        self._save_at = now + SAVE_SECONDS
        try:
            await self._database.write(partial(write_cursors, cursors=changed))
            self._saved |= changed
        except Exception as error:
            _log.warning("How far log lines are handed over cannot be written down: %s", error)
