"""Makes the deliveries of the outbox: each is sent until its target has it, or has refused it."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

from lambdad.clock import Clock
from lambdad.errors import ClientError
from lambdad.model.emit import Emit
from lambdad.model.event import DEAD_LETTER, Delivery
from lambdad.model.fate import backoff
from lambdad.store.outbox import Outbox

MOST_AT_ONCE = 32
MOST_TO_ONE_TARGET = 4  # so that one that answers slowly does not keep the others waiting
MOST_TO_ONE_SERVICE = 16
_READ_AT_ONCE = 8  # a record may have megabytes
LONGEST = 21_600.0  # seconds that a target may be out of reach
_RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)

Deliver = Callable[[Delivery], Awaitable[None]]


def retry_at(delivery: Delivery, now: float) -> float | None:
    """When to send again what did not arrive (POLICY); None when it has been tried for too long."""
    if now - delivery.created_at >= LONGEST:
        return None
    return now + backoff(delivery.tries)


class Deliveries:
    """`deliver` sends one: ClientError says that it will never arrive, any other error that it may
    arrive when it is sent again."""

    def __init__(self, outbox: Outbox, *, deliver: Deliver, clock: Clock, emit: Emit) -> None:
        self._outbox = outbox
        self._deliver = deliver
        self._clock = clock
        self._emit = emit
        self._wake = asyncio.Event()
        self._making: dict[int, asyncio.Task[None]] = {}  # by delivery id
        self._targets: Counter[str] = Counter()  # how many are on their way to each
        self._services: Counter[str] = Counter()

    def wake(self) -> None:
        """The outbox has something new."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self._start()
                seconds = await self._seconds_until_next()
            except Exception:
                _log.exception("The outbox cannot be read; trying again.")
                seconds = _RETRY_SECONDS
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def drain(self, seconds: float) -> None:
        """Wait for what is on its way; the next start takes up the rest."""
        if self._making:
            await asyncio.wait(list(self._making.values()), timeout=seconds)

    async def _start(self) -> None:
        """Begin those that are due, as many as may be made at once: one that is slow to take them,
        target or service, keeps no other waiting."""
        while len(self._making) < MOST_AT_ONCE:
            begun = list(self._making)  # those that end meanwhile may still be seen in the outbox
            due = await self._outbox.due(
                self._clock.now(),
                _READ_AT_ONCE,
                without=begun,
                without_targets=_full(self._targets, MOST_TO_ONE_TARGET),
                without_services=_full(self._services, MOST_TO_ONE_SERVICE),
            )
            if not any([self._begin(delivery) for delivery in due]):
                return

    def _begin(self, delivery: Delivery) -> bool:
        """False when there is no room for it."""
        target, service = delivery.target_arn, _service(delivery)
        is_full = (
            self._targets[target] >= MOST_TO_ONE_TARGET
            or self._services[service] >= MOST_TO_ONE_SERVICE
            or len(self._making) >= MOST_AT_ONCE
        )
        if is_full:
            return False
        self._targets[target] += 1
        self._services[service] += 1
        self._making[delivery.id] = asyncio.create_task(self._make(delivery))
        return True

    async def _seconds_until_next(self) -> float | None:
        """None when there is nothing. While some are on their way they are what is due; that one
        has ended is told by `wake`."""
        next_due = await self._outbox.next_due()
        if next_due is None:
            return None
        seconds = max(0.0, next_due - self._clock.now())
        return max(seconds, _RETRY_SECONDS) if self._making else seconds

    async def _make(self, delivery: Delivery) -> None:
        try:
            await self._keep(delivery, await self._send(delivery))
        finally:
            del self._making[delivery.id]
            self._targets -= Counter([delivery.target_arn])  # what is 0 is forgotten
            self._services -= Counter([_service(delivery)])
            self._wake.set()

    async def _keep(self, delivery: Delivery, keep: Callable[[], Awaitable[None]]) -> None:
        """Write down what came of it, however long the disk refuses that: it is not sent again."""
        while True:
            try:
                return await keep()
            except Exception as error:
                _log.error("The delivery to %s cannot be settled: %s", delivery.target_arn, error)
            await asyncio.sleep(_RETRY_SECONDS)

    async def _send(self, delivery: Delivery) -> Callable[[], Awaitable[None]]:
        """Send it; what is to be written down of it."""
        try:
            await self._deliver(delivery)
        except ClientError as error:
            return self._failed(delivery, str(error))
        except Exception as error:
            due_at = retry_at(delivery, self._clock.now())
            if due_at is None:
                return self._failed(delivery, str(error))
            _log.warning("%s cannot be reached yet: %s", delivery.target_arn, error)
            return partial(self._outbox.try_again, delivery, due_at)
        return partial(self._outbox.delivered, delivery)

    def _failed(self, delivery: Delivery, reason: str) -> Callable[[], Awaitable[None]]:
        is_dead_letter = delivery.kind == DEAD_LETTER
        metric = "DeadLetterErrors" if is_dead_letter else "DestinationDeliveryFailures"
        self._emit(metric, (delivery.account_id, delivery.region, delivery.function_name), 1.0)
        _log.warning(
            "Event %s of %s was not delivered to %s: %s",
            delivery.request_id,
            delivery.function_name,
            delivery.target_arn,
            reason,
        )
        return partial(self._outbox.failed, delivery, reason)


def _service(delivery: Delivery) -> str:
    return delivery.target_arn.split(":", 3)[2]


def _full(counts: Counter[str], limit: int) -> list[str]:
    return [name for name, count in counts.items() if count >= limit]
