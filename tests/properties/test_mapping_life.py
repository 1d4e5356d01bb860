"""The life of event source mappings: whatever is asked in whatever order, and restarts between."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from lambdad.errors import ClientError
from lambdad.model.event_source_mapping import CHANGING
from lambdad.store.database import Database
from support.control_plane import ACCOUNT, REGION, Plane, open_control_plane

pytestmark = pytest.mark.slow


class MappingLife(RuleBasedStateMachine):
    """`expected` is whether each mapping will be enabled when all changes have ended."""

    mappings = Bundle("mappings")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        self.database = Database.open(Path(self.directory.name) / "state.db")
        self.plane: Plane = self.run(self.open())
        self.run(self.plane.create("echo"))
        self.expected: dict[str, bool] = {}
        self.number = 0

    def run(self, coroutine: Any) -> Any:
        return self.runner.run(coroutine)

    async def open(self) -> Plane:
        return await open_control_plane(self.database, Path(self.directory.name))

    def teardown(self) -> None:
        self.run(self.plane.control.changes.stop())
        self.database.close()
        self.runner.close()
        self.directory.cleanup()

    @rule(target=mappings, enabled=st.booleans())
    def create(self, enabled: bool) -> str:
        self.number += 1
        created = self.run(
            self.plane(
                "CreateEventSourceMapping",
                FunctionName="echo",
                EventSourceArn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{self.number}",
                Enabled=enabled,
            )
        )
        assert created["State"] == "Creating"
        self.expected[created["UUID"]] = enabled
        return str(created["UUID"])

    @rule(mapping=mappings, enabled=st.none() | st.booleans(), size=st.integers(1, 10))
    def update(self, mapping: str, enabled: bool | None, size: int) -> None:
        change: dict[str, Any] = {"BatchSize": size}
        if enabled is not None:
            change["Enabled"] = enabled
        before = self.expected[mapping]
        answer = self.ask("UpdateEventSourceMapping", UUID=mapping, **change)
        if answer is None:
            return
        self.expected[mapping] = before if enabled is None else enabled
        moved = {True: "Enabling", False: "Disabling"}[self.expected[mapping]]
        assert answer["State"] == ("Updating" if before == self.expected[mapping] else moved)
        assert answer["BatchSize"] == size

    @rule(mapping=consumes(mappings))
    def delete(self, mapping: str) -> None:
        self.settle()
        answer = self.ask("DeleteEventSourceMapping", UUID=mapping)
        assert answer is not None
        assert answer["State"] == "Deleting"
        del self.expected[mapping]

    @rule()
    def settle(self) -> None:
        self.run(self.plane.control.changes.settle())
        listed = self.run(self.plane("ListEventSourceMappings"))["EventSourceMappings"]
        assert {each["UUID"]: each["State"] for each in listed} == {
            uuid: "Enabled" if enabled else "Disabled" for uuid, enabled in self.expected.items()
        }

    @rule()
    def restart(self) -> None:
        """What was on its way is given up, as by kill -9, and taken up again."""
        self.run(self.plane.control.changes.stop())
        self.plane = self.run(self.open())
        self.run(self.plane.resume())

    @invariant()
    def nobody_is_in_an_unknown_state(self) -> None:
        listed = self.run(self.plane("ListEventSourceMappings"))["EventSourceMappings"]
        states = {each["UUID"]: each["State"] for each in listed}
        assert set(states.values()) <= {*CHANGING, "Enabled", "Disabled"}
        assert {uuid for uuid, state in states.items() if state != "Deleting"} == set(self.expected)

    def ask(self, operation: str, **request: Any) -> dict[str, Any] | None:
        """The answer; None when the mapping is in use, which it may be."""
        try:
            return dict(self.run(self.plane(operation, **request)))
        except ClientError as error:
            if error.code != "ResourceInUseException":
                raise
            return None


TestMappingLife = MappingLife.TestCase
TestMappingLife.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
