"""CloudWatch on a real database and a real log store, with a clock that a test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lambdad.clock import FakeClock
from lambdad.observe.observation import Observation
from lambdad.services.cloudwatch import CloudWatch
from lambdad.store.alarm_history import AlarmHistory
from lambdad.store.database import Database
from lambdad.store.resources import Resources


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def cloudwatch(tmp_path: Path, clock: FakeClock) -> AsyncIterator[CloudWatch]:
    database = Database.open(tmp_path / "state.db")
    seen = await Observation.open(database, tmp_path / "logs", clock, "x86_64", is_on=True)
    yield CloudWatch(
        await Resources.load(database), seen.metrics, seen.logs, AlarmHistory(database), clock
    )
    await seen.close()
    database.close()
