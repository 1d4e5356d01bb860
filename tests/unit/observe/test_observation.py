"""All that is observed, as a node opens it."""

from __future__ import annotations

from pathlib import Path

from lambdad.clock import FakeClock
from lambdad.model.log_line import LogLine
from lambdad.model.subscription_filter import SubscriptionFilter
from lambdad.observe.observation import Observation
from lambdad.store.database import Database

PLACE = ("000000000000", "us-east-1")


async def test_lines_for_a_new_subscription_are_not_packed_before_anybody_has_followed(
    tmp_path: Path,
) -> None:
    # Given lines that came behind a subscription's start, of which no cursor is written down yet
    new = SubscriptionFilter(*PLACE, "g", "f", "", "arn:aws:lambda:…", 0, start_frame=0)
    database = Database.open(tmp_path / "state.db")

    async def open_it() -> Observation:
        return await Observation.open(
            *(database, tmp_path / "logs", FakeClock(), "x86_64"),
            subscriptions=lambda: [new],
            is_on=True,
        )

    seen = await open_it()
    seen.logs.append(*PLACE, "g", "s", [LogLine(1, "line")])
    await seen.close()
    # When all that can be packed is packed by the next start
    seen = await open_it()
    seen.logs.pack()
    # Then they are still to be followed
    found = list(seen.logs.arrivals({(*PLACE, "g")}, new.start_frame))
    await seen.close()
    database.close()
    assert len(found) == 1
