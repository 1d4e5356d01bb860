"""The watch over alarms: looks at each when a period of it has ended.

a metric alarm      once a minute, or each 10 s with shorter periods, a second after its period
a composite alarm   when one of its alarms has changed
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from lambdad.errors import ClientError
from lambdad.model import alarm as judge
from lambdad.model.alarm_document import ALARM, OK, Alarm
from lambdad.model.alarm_evidence import Datapoint, Watch
from lambdad.model.alarm_rule import child_reason
from lambdad.model.caller import Caller
from lambdad.model.metric import MINUTE
from lambdad.model.resource import Key
from lambdad.model.statistic_set import SIMPLE
from lambdad.observe.metric_store import Wanted
from lambdad.services.cloudwatch.alarm_rules import children_of, name_of, rule_of
from lambdad.services.cloudwatch.alarm_settings import statistic_of, watch_of, watched_query
from lambdad.services.cloudwatch.alarm_state import change_state
from lambdad.services.cloudwatch.cloudwatch import CloudWatch
from lambdad.services.cloudwatch.dimensions import metric_of
from lambdad.services.cloudwatch.metric_queries import find, parse_queries, series_of

DELAY = 1.0  # seconds after a period's end: values are collected every half second
SHORT_STEP = 10  # seconds between two looks at an alarm with a period below a minute
_TICK = 1.0

_log = logging.getLogger(__name__)


class AlarmWatch:
    """Watches all alarms of the node."""

    def __init__(self, cloudwatch: CloudWatch) -> None:
        self._cloudwatch = cloudwatch
        self._due: dict[Key, tuple[float, float]] = {}  # when next, and as configured when

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                _log.exception("The alarms cannot be looked at; trying again.")
            try:
                async with asyncio.timeout(_TICK):
                    await self._cloudwatch.alarms_changed.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Look at every alarm that is due."""
        self._cloudwatch.alarms_changed.clear()
        alarms = self._cloudwatch.resources.all(Alarm)
        self._forget_others({alarm.key for alarm in alarms})
        for alarm in alarms:
            if not alarm.is_composite:
                await self._try(self._look_at, alarm)
        for alarm in self._cloudwatch.resources.all(Alarm):
            if alarm.is_composite:
                await self._try(self._follow_rule, alarm)

    async def _try(self, look: Callable[[Alarm], Awaitable[None]], alarm: Alarm) -> None:
        """One that cannot be looked at stops no other."""
        try:
            await look(alarm)
        except Exception:
            _log.exception("The alarm %s cannot be looked at; trying again.", alarm.arn)

    async def _look_at(self, alarm: Alarm) -> None:
        """Judge a metric alarm if a period has ended since the last look."""
        due_at, configured_at = self._due.get(alarm.key, (0.0, 0.0))
        if self._cloudwatch.clock.now() < due_at and configured_at == alarm.configured_at:
            return
        watch = watch_of(alarm.settings)
        step = _step(alarm, watch)
        end = int(self._cloudwatch.clock.now() - DELAY) // step * step
        datapoints = await self._datapoints(alarm, watch, end)
        now = self._cloudwatch.clock.now()
        verdict = judge.evaluate(watch, datapoints, end=end, now=now)
        if verdict is not None:
            await self._change(alarm, str(verdict.state), verdict.reason, verdict.reason_data)
        self._due[alarm.key] = (end + step + DELAY, alarm.configured_at)

    async def _datapoints(self, alarm: Alarm, watch: Watch, end: int) -> list[Datapoint]:
        caller, settings = Caller(alarm.account_id, alarm.region), alarm.settings
        start = end - watch.period * watch.periods_looked_at
        if "Metrics" in settings:
            return await self._computed(caller, alarm, start, end)
        statistic = statistic_of(settings)
        by_unit = await self._cloudwatch.metrics.read(
            Wanted(
                metric_of(caller, settings),
                settings.get("Unit"),
                start,
                end,
                watch.period,
                with_buckets=statistic not in SIMPLE,
            )
        )
        series = series_of("", watch.period, by_unit.values(), statistic)
        counts = {at: values.count for sets in by_unit.values() for at, values in sets.items()}
        return [Datapoint(at, value, counts.get(at)) for at, value in series.at().items()]

    async def _computed(
        self, caller: Caller, alarm: Alarm, start: int, end: int
    ) -> list[Datapoint]:
        queries = alarm.settings["Metrics"]
        try:
            found = await find(self._cloudwatch.metrics, caller, parse_queries(queries), start, end)
        except ClientError as error:
            _log.warning("The alarm %s cannot be evaluated: %s", alarm.arn, error)
            return []
        watched = found[watched_query(queries)["Id"]]
        if len(watched) != 1:
            return []
        return [Datapoint(at, value) for at, value in watched[0].at().items() if at < end]

    async def _follow_rule(self, alarm: Alarm) -> None:
        """Put a composite alarm into the state that its rule gives it."""
        place = (alarm.account_id, alarm.region)
        children = {
            name: child
            for name in children_of(alarm)
            if (child := self._cloudwatch.resources.find(Alarm, *place, name)) is not None
        }

        def state_of(reference: str) -> str:
            child = children.get(name_of(reference))
            return child.state if child is not None else ""

        state = ALARM if rule_of(alarm).holds(state_of) else OK
        if state == alarm.state:
            return
        latest = max(children.values(), key=lambda child: child.state_updated_at, default=None)
        reason = (
            f"AlarmRule is {'true' if state == ALARM else 'false'}"
            if latest is None
            else child_reason(latest.arn, latest.state, latest.state_updated_at)
        )
        await self._change(alarm, state, reason, "")

    async def _change(self, alarm: Alarm, state: str, reason: str, reason_data: str) -> None:
        """Change the state, unless somebody has changed the alarm meanwhile."""
        async with self._cloudwatch.lock:
            now = self._cloudwatch.resources.find(Alarm, *alarm.key)
            if now is alarm and (state != alarm.state):
                await change_state(self._cloudwatch, alarm, state, reason, reason_data)

    def _forget_others(self, keys: set[Key]) -> None:
        for gone in self._due.keys() - keys:
            del self._due[gone]


def _step(alarm: Alarm, watch: Watch) -> int:
    """Seconds between two looks. What is computed has its datapoints at multiples of its period;
    others have theirs wherever a period is looked for."""
    if "Metrics" in alarm.settings or watch.period < MINUTE:
        return max(watch.period, SHORT_STEP)
    return MINUTE
