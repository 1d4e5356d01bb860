"""Makes the deliveries of the outbox: each is sent until its target has it, or has refused it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lambdad.clock import Clock
from lambdad.errors import ClientError
from lambdad.invocation.emit import Emit
from lambdad.model.event import DEAD_LETTER, Delivery
from lambdad.store.outbox import Outbox

MOST_AT_ONCE = 32
MOST_TO_ONE_TARGET = 8  # so that one that answers slowly does not keep the others waiting
LONGEST = 21_600.0  # seconds that a target may be out of reach
_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 300.0
_RETRY_SECONDS = 1.0
_log = logging.getLogger(__name__)

Deliver = Callable[[Delivery], Awaitable[None]]


def retry_at(delivery: Delivery, now: float) -> float | None:
    """When to send again what did not arrive (POLICY); None when it has been tried for too long."""
    if now - delivery.created_at >= LONGEST:
        return None
    return now + min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0 ** min(delivery.tries, 16))


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
        self._targets: dict[str, int] = {}  # how many are on their way to each

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
        """Begin those that are due, as many as may be made at once."""
        if len(self._making) >= MOST_AT_ONCE:
            return
        begun = set(self._making)  # one that ends while the outbox is read may still be seen there
        for delivery in await self._outbox.due(self._clock.now(), 4 * MOST_AT_ONCE):
            target = delivery.target_arn
            is_full = self._targets.get(target, 0) >= MOST_TO_ONE_TARGET
            if delivery.id in begun or is_full or len(self._making) >= MOST_AT_ONCE:
                continue
            self._targets[target] = self._targets.get(target, 0) + 1
            self._making[delivery.id] = asyncio.create_task(self._make(delivery))

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
            await self._send(delivery)
        except Exception:  # the disk: it is sent again, as it may be at any time
            _log.exception("The delivery to %s could not be settled.", delivery.target_arn)
            await asyncio.sleep(_RETRY_SECONDS)
        finally:
            del self._making[delivery.id]
            self._targets[delivery.target_arn] -= 1
            if not self._targets[delivery.target_arn]:
                del self._targets[delivery.target_arn]
            self._wake.set()

    async def _send(self, delivery: Delivery) -> None:
        try:
            await self._deliver(delivery)
        except ClientError as error:
            await self._fail(delivery, str(error))
        except Exception as error:
            due_at = retry_at(delivery, self._clock.now())
            if due_at is None:
                await self._fail(delivery, str(error))
            else:
                _log.warning("%s cannot be reached yet: %s", delivery.target_arn, error)
                await self._outbox.try_again(delivery, due_at)
        else:
            await self._outbox.delivered(delivery)

    async def _fail(self, delivery: Delivery, reason: str) -> None:
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
        await self._outbox.failed(delivery, reason)
