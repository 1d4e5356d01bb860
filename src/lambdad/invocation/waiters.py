"""Requests that wait for an environment that is about to be free, instead of having one made.

no idle one ─▶ about to be free? ─▶ wait ─┬─▶ handed over, to who has waited longest
                                          └─▶ in vain: too long, or nobody is left to wait for
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lambdad.clock import Clock
from lambdad.environment.environment import ExecutionEnvironment
from lambdad.environment.lifecycle import State
from lambdad.invocation.idle import Key, key_of
from lambdad.invocation.scaling import average, choose_wait
from lambdad.model.function import FunctionVersion
from lambdad.model.resource import Key as FunctionKey

_Waiter = asyncio.Future[ExecutionEnvironment | None]


@dataclass(slots=True, eq=False)
class Crew:
    """The environments of one version and tenant, and who waits for them. Those that have an event
    are `starting` until their first is over, and `busy` with every other, since some time."""

    version: FunctionVersion
    size: int = 0
    busy: dict[ExecutionEnvironment, float] = field(default_factory=dict)
    starting: dict[ExecutionEnvironment, float] = field(default_factory=dict)
    duration: float | None = None  # of recent events, on average
    waiting: deque[_Waiter] = field(default_factory=deque)
    is_retired: bool = False

    def drop(self, environment: ExecutionEnvironment) -> None:
        """This one will not be free again."""
        self.busy.pop(environment, None)
        self.starting.pop(environment, None)

    def send_away(self) -> None:
        """Everybody waits in vain."""
        while self.waiting:
            _resolve(self.waiting.popleft(), None)

    def give_up(self, waiter: _Waiter) -> None:
        """This one has waited for too long."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)
            _resolve(waiter, None)


class Waiters:
    """Knows of every environment of a pool whether it has an event, and for how long events have
    one. `put_back` gets what was handed to somebody who had gone meanwhile."""

    def __init__(self, clock: Clock, put_back: Callable[[ExecutionEnvironment], None]) -> None:
        self._clock = clock
        self._put_back = put_back
        self._crews: dict[Key, Crew] = {}  # that have not been retired
        self._crew_of: dict[ExecutionEnvironment, Crew] = {}
        self._start: float | None = None  # seconds that recent ones took, on average

    def add(self, environment: ExecutionEnvironment) -> None:
        """It has been made."""
        key = key_of(environment)
        crew = self._crews.get(key)
        if crew is None:
            crew = self._crews[key] = Crew(environment.version)
        crew.size += 1
        self._crew_of[environment] = crew

    def forget(self, environment: ExecutionEnvironment) -> None:
        """It has ended."""
        self.abandon(environment)
        crew = self._crew_of.pop(environment, None)
        if crew is None:
            return
        crew.size -= 1
        if crew.size == 0 and not crew.is_retired:
            del self._crews[key_of(environment)]

    def abandon(self, environment: ExecutionEnvironment) -> None:
        """It ends, which may take a while. After the last that has an event nobody is left to wait
        for."""
        crew = self._crew_of.get(environment)
        if crew is None:
            return
        crew.drop(environment)
        if not crew.busy and not crew.starting:
            crew.send_away()

    def occupy(self, environment: ExecutionEnvironment) -> None:
        """It has an event. Who begins anew after a failure is not waited for."""
        crew = self._crew_of[environment]
        if environment.state is State.READY:
            crew.busy[environment] = self._clock.monotonic()
        elif environment.state is State.STARTING:
            crew.starting[environment] = self._clock.monotonic()

    def vacate(self, environment: ExecutionEnvironment) -> None:
        """Its event is over; it is still INVOKING when that has gone well."""
        crew = self._crew_of.get(environment)
        if crew is None:
            return
        if (since := crew.busy.pop(environment, None)) is not None:
            if environment.state is State.INVOKING:
                crew.duration = average(crew.duration, self._clock.monotonic() - since)
            return
        since = crew.starting.pop(environment, None)
        if since is None or crew.duration is None or environment.state is not State.INVOKING:
            return
        self._start = average(self._start, self._clock.monotonic() - since - crew.duration)

    def dismiss(self, environments: Iterable[ExecutionEnvironment]) -> None:
        """These end instead of becoming free."""
        for environment in environments:
            crew = self._crew_of.get(environment)
            if crew is not None:
                crew.drop(environment)

    def retire(self, function: FunctionKey, version: str | None) -> None:
        """Who waits for the function, or for this version of it, waits in vain."""
        for key, crew in list(self._crews.items()):
            its = crew.version
            if its.function_key == function and version in (None, its.version):
                crew.is_retired = True
                del self._crews[key]
                crew.send_away()

    def hand_over(self, environment: ExecutionEnvironment) -> bool:
        """Give it to who has waited longest; False when nobody waits for it."""
        crew = self._crew_of[environment]
        while crew.waiting:
            if _resolve(crew.waiting.popleft(), environment):
                self.occupy(environment)
                return True
        return False

    def choose(self, version: FunctionVersion, tenant_id: str | None) -> tuple[Crew, float] | None:
        """Whom to wait for, and for how many seconds at most; None for nobody."""
        crew = self._crews.get((version.revision_id, tenant_id))
        if crew is None:
            return None
        seconds = choose_wait(
            waiting=len(crew.waiting),
            busy=len(crew.busy),
            starting=len(crew.starting),
            duration=crew.duration,
            start=self._start,
        )
        return (crew, seconds) if seconds else None

    async def wait(self, crew: Crew, seconds: float) -> ExecutionEnvironment | None:
        """What was handed over, which may have ended since; None for having waited in vain."""
        loop = asyncio.get_running_loop()
        waiter: _Waiter = loop.create_future()
        crew.waiting.append(waiter)
        alarm = loop.call_later(seconds, crew.give_up, waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                if waiter in crew.waiting:
                    crew.waiting.remove(waiter)
            elif (environment := waiter.result()) is not None:
                self._put_back(environment)
            raise
        finally:
            alarm.cancel()


def _resolve(waiter: _Waiter, environment: ExecutionEnvironment | None) -> bool:
    """False for one that has been cancelled."""
    if waiter.done():
        return False
    waiter.set_result(environment)
    return True
