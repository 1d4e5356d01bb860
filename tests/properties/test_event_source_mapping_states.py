"""Event source mappings against whatever order of requests, background steps and restarts."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

sys.path.append(str(Path(__file__).parents[1]))

from lambdad.errors import ClientError
from lambdad.model.event_source_mapping import EventSourceMapping
from lambdad.services.lambda_ import resume
from lambdad.services.lambda_.changes import Changes
from lambdad.store.database import Database
from support.control_plane import ACCOUNT, REGION, Plane, open_control_plane

QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue"


class HeldChanges(Changes):
    """What goes on in the background waits until a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Coroutine[None, None, None]] = []

    def start(self, work: Coroutine[None, None, None]) -> None:
        self.held.append(work)

    def drop(self) -> None:
        """As a killed server does."""
        while self.held:
            self.held.pop().close()


class MappingMachine(RuleBasedStateMachine):
    """`known` says of every mapping: is it on its way, will it be enabled (None: gone), its batch
    size now and in the end."""

    mappings = Bundle("mappings")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp(prefix="lambdad-mappings-"))
        self.database = Database.open(self.directory / "state.db")
        self.known: dict[str, tuple[bool, bool | None, int, int]] = {}
        self.queues = 0
        self.open()
        self.loop.run_until_complete(self.plane.create("echo"))
        while self.changes.held:  # the function's own
            self.loop.run_until_complete(self.changes.held.pop())

    def teardown(self) -> None:
        self.changes.drop()
        self.database.close()
        self.loop.close()
        shutil.rmtree(self.directory)

    def open(self) -> None:
        plane = self.loop.run_until_complete(open_control_plane(self.database, self.directory))
        self.changes = HeldChanges()
        self.plane = replace(plane, control=replace(plane.control, changes=self.changes))

    def call(self, operation: str, **request: Any) -> dict[str, Any]:
        plane: Plane = self.plane
        return self.loop.run_until_complete(plane(operation, **request))

    def refused(self, code: str, operation: str, **request: Any) -> None:
        with pytest.raises(ClientError) as caught:
            self.call(operation, **request)
        assert caught.value.code == code

    def is_refused(self, uuid: str, operation: str, **request: Any) -> bool:
        """Whether the mapping is gone or on its way, and the operation therefore refused."""
        if uuid not in self.known:
            self.refused("ResourceNotFoundException", operation, UUID=uuid, **request)
        elif self.known[uuid][0]:
            self.refused("ResourceInUseException", operation, UUID=uuid, **request)
        else:
            return False
        return True

    @rule(target=mappings, enabled=st.booleans(), size=st.integers(1, 10))
    def create(self, enabled: bool, size: int) -> str:
        self.queues += 1
        answer = self.call(
            "CreateEventSourceMapping",
            FunctionName="echo",
            EventSourceArn=f"{QUEUE}-{self.queues}",
            Enabled=enabled,
            BatchSize=size,
        )
        assert answer["State"] == "Creating"
        self.known[answer["UUID"]] = (True, enabled, size, size)
        return str(answer["UUID"])

    @rule(uuid=mappings, enabled=st.none() | st.booleans(), size=st.integers(1, 10))
    def update(self, uuid: str, enabled: bool | None, size: int) -> None:
        request: dict[str, Any] = {"BatchSize": size}
        if enabled is not None:
            request["Enabled"] = enabled
        if self.is_refused(uuid, "UpdateEventSourceMapping", **request):
            return
        _, was, now, _ = self.known[uuid]
        wanted = was if enabled is None else enabled
        answer = self.call("UpdateEventSourceMapping", UUID=uuid, **request)
        on_the_way = {True: "Enabling", False: "Disabling"}
        assert answer["State"] == ("Updating" if wanted == was else on_the_way[bool(wanted)])
        self.known[uuid] = (True, wanted, now, size)

    @rule(uuid=mappings)
    def delete(self, uuid: str) -> None:
        if self.is_refused(uuid, "DeleteEventSourceMapping"):
            return
        _, _, now, _ = self.known[uuid]
        assert self.call("DeleteEventSourceMapping", UUID=uuid)["State"] == "Deleting"
        self.known[uuid] = (True, None, now, now)

    @rule(uuid=consumes(mappings))
    def try_a_bad_update(self, uuid: str) -> None:
        if not self.is_refused(uuid, "UpdateEventSourceMapping", BatchSize=11):
            code = "InvalidParameterValueException"
            self.refused(code, "UpdateEventSourceMapping", UUID=uuid, BatchSize=11)

    @rule(data=st.data())
    def let_one_step_happen(self, data: st.DataObject) -> None:
        if not self.changes.held:
            return
        index = data.draw(st.integers(0, len(self.changes.held) - 1))
        before = self.states()
        self.loop.run_until_complete(self.changes.held.pop(index))
        after = self.states()
        (uuid,) = (each for each in before if before[each] != after.get(each))
        _, wanted, _, size = self.known.pop(uuid)
        if wanted is not None:
            self.known[uuid] = (False, wanted, size, size)

    @rule()
    def kill_and_start_again(self) -> None:
        self.changes.drop()
        self.open()
        self.loop.run_until_complete(resume(self.plane.control))

    @invariant()
    def every_mapping_is_told_as_it_is(self) -> None:
        listed = self.call("ListEventSourceMappings")["EventSourceMappings"]
        assert {each["UUID"] for each in listed} == set(self.known)
        for each in listed:
            is_on_its_way, wanted, size, _ = self.known[each["UUID"]]
            assert each == self.call("GetEventSourceMapping", UUID=each["UUID"])
            assert each["BatchSize"] == size
            if not is_on_its_way:
                assert each["State"] == ("Enabled" if wanted else "Disabled")

    @invariant()
    def every_change_has_one_step_ahead(self) -> None:
        assert len(self.changes.held) == sum(known[0] for known in self.known.values())

    def states(self) -> dict[str, str]:
        mappings = self.plane.control.resources.all(EventSourceMapping)
        return {mapping.uuid: mapping.state for mapping in mappings}


TestMappings = MappingMachine.TestCase
TestMappings.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
pytestmark = pytest.mark.slow
