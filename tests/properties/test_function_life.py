"""A function's life: whatever is done to it, in whatever order, and however often the server
restarts, its states follow one another as AWS says and its versions never change."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdad.errors import ClientError
from lambdad.services.lambda_ import resume
from lambdad.services.lambda_.code_storage import code_storage
from lambdad.services.lambda_.configuration import function_configuration
from lambdad.store.database import Database
from support.control_plane import ACCOUNT, REGION, Plane, creation, make_zip, open_control_plane

NAME = "life"
NOT_NOW = "ResourceConflictException"
PACKAGES = [make_zip({"app.py": f"# {'x' * number}"}) for number in range(3)]
packages = st.sampled_from(PACKAGES)
outcomes = st.sampled_from(
    ["Successful", "Successful", "Successful", "Failed", "Failed", "InProgress", "InProgress"]
)

# What may follow what: (State, LastUpdateStatus) before and after. None: there is no function.
PENDING, FAILED = ("Pending", None), ("Failed", None)
STEADY = {("Active", "Successful"), ("Active", "Failed")}
BUSY = ("Active", "InProgress")
MAY_FOLLOW: dict[Any, set[Any]] = {
    None: {PENDING},
    PENDING: {("Active", "Successful"), FAILED, None},
    FAILED: {("Failed", "InProgress"), None},
    ("Failed", "InProgress"): {("Active", "Successful"), ("Failed", "Failed"), None},
    ("Failed", "Failed"): {("Failed", "InProgress"), None},
    BUSY: {*STEADY, None},
    **{state: {BUSY, None} for state in STEADY},
}


class FunctionLife(RuleBasedStateMachine):
    """`versions` is what each published version was told to be when it had settled; `last` is
    the highest number that was ever given since the function was made."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp())
        self.database = Database.open(self.directory / "state.db")
        self.plane: Plane = self.run(open_control_plane(self.database, self.directory))
        self.versions: dict[str, dict[str, Any]] = {}
        self.aliases: dict[str, str] = {}
        self.last = 0
        self.served: Any = None  # the content that answered the last invocation
        self.settles = True  # a change that is accepted, at once
        self.has_accepted = False  # a change, since then
        self.told: dict[str, Any] | None = None  # the configuration as it was last looked at

    def teardown(self) -> None:
        self.run(self.plane.control.changes.stop())
        self.database.close()
        self.loop.close()
        shutil.rmtree(self.directory)

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def ask(self, operation: str, **request: Any) -> Any:
        """The answer, or the code of the error."""
        try:
            return self.run(self.plane(operation, FunctionName=NAME, **request))
        except ClientError as error:
            return error.code

    def look(self) -> dict[str, Any] | None:
        found = self.ask("GetFunctionConfiguration")
        return None if found == "ResourceNotFoundException" else found

    @property
    def is_changing(self) -> bool:
        return self.told is not None and "Creating" in (
            self.told.get("StateReasonCode"),
            self.told.get("LastUpdateStatusReasonCode"),
        )

    def expect(self, answer: Any) -> bool:
        """Whether a change was accepted; it must be unless one is on its way."""
        if self.is_changing:
            assert answer == NOT_NOW
        else:
            assert isinstance(answer, dict), answer
        return isinstance(answer, dict)

    # What a caller does

    @rule(package=packages, publish=st.booleans(), outcome=outcomes)
    def create(self, package: bytes, publish: bool, outcome: str) -> None:
        self.hold_back(outcome)
        request = creation(NAME, Code={"ZipFile": package}, Publish=publish)
        del request["FunctionName"]
        answer = self.ask("CreateFunction", **request)
        if self.told is not None:
            assert answer == NOT_NOW
            return
        assert answer["State"] == "Pending"
        self.last = 0
        self.accepted(answer, publish)

    @precondition(lambda self: self.told is not None)
    @rule(package=packages, publish=st.booleans(), outcome=outcomes)
    def update_code(self, package: bytes, publish: bool, outcome: str) -> None:
        self.hold_back(outcome)
        answer = self.ask("UpdateFunctionCode", ZipFile=package, Publish=publish)
        if self.expect(answer):
            self.accepted(answer, publish)

    @precondition(lambda self: self.told is not None)
    @rule(timeout=st.integers(1, 3), outcome=outcomes)
    def update_configuration(self, timeout: int, outcome: str) -> None:
        self.hold_back(outcome)
        answer = self.ask("UpdateFunctionConfiguration", Timeout=timeout)
        if self.expect(answer):
            assert answer["Timeout"] == timeout
            self.accepted(answer, publish=False)

    @precondition(lambda self: self.told is not None)
    @rule(package=packages)
    def dry_run(self, package: bytes) -> None:
        self.expect(self.ask("UpdateFunctionCode", ZipFile=package, DryRun=True))

    @precondition(lambda self: self.told is not None)
    @rule()
    def publish(self) -> None:
        answer = self.ask("PublishVersion")
        if self.expect(answer):
            self.published(answer)

    @precondition(lambda self: self.told is not None)
    @rule(data=st.data(), alias=st.sampled_from(["live", "test"]))
    def name_a_version(self, data: st.DataObject, alias: str) -> None:
        version = data.draw(st.sampled_from(["$LATEST", *self.versions]))
        operation = "UpdateAlias" if alias in self.aliases else "CreateAlias"
        answer = self.ask(operation, Name=alias, FunctionVersion=version)
        assert answer["FunctionVersion"] == version
        self.aliases[alias] = version

    @precondition(lambda self: self.told is not None)
    @rule(number=st.integers(1, 6))
    def delete_version(self, number: int) -> None:
        version = str(number)
        answer = self.ask("DeleteFunction", Qualifier=version)
        if version not in self.versions:
            assert answer == "ResourceNotFoundException"
        elif version in self.aliases.values():
            assert answer == NOT_NOW
        else:
            del self.versions[version]

    @precondition(lambda self: self.told is not None)
    @rule(really=st.integers(0, 2))
    def delete(self, really: int) -> None:
        if really:
            return  # or else it would never grow old
        assert isinstance(self.ask("DeleteFunction"), dict)
        self.versions, self.aliases = {}, {}

    @precondition(lambda self: self.told is not None)
    @rule()
    def a_stale_revision_changes_nothing(self) -> None:
        answer = self.ask("UpdateFunctionConfiguration", RevisionId="stale", Timeout=9)
        assert answer == (NOT_NOW if self.is_changing else "PreconditionFailedException")

    @precondition(lambda self: self.told is None)
    @rule()
    def what_is_not_there_cannot_be_changed(self) -> None:
        for operation in ("UpdateFunctionConfiguration", "PublishVersion", "DeleteFunction"):
            assert self.ask(operation) == "ResourceNotFoundException"

    # What the server does

    def hold_back(self, outcome: str) -> None:
        """What the next change comes to; one on its way is not touched. One that stays InProgress
        waits until the function settles."""
        if not self.is_changing:
            failure = ClientError("InvalidRuntimeException", "no such runtime")
            self.plane.preparation.failure = failure if outcome == "Failed" else None
            self.plane.preparation.gate.clear()
            self.settles = outcome != "InProgress"

    def accepted(self, answer: dict[str, Any], publish: bool) -> None:
        """A change was accepted."""
        self.has_accepted = True
        self.published(answer if publish else None)
        if self.settles:
            self.everything_is_as_it_must_be()  # while it is on its way
            self.settle()

    @precondition(lambda self: self.told is not None)
    @rule()
    def settle(self) -> None:
        self.plane.preparation.gate.set()
        self.run(self.plane.control.changes.settle())
        assert not self.is_there_a_change()

    @precondition(lambda self: self.told is not None)
    @rule()
    def restart(self) -> None:
        failure = self.plane.preparation.failure
        self.run(self.plane.control.changes.stop())
        self.plane = self.run(open_control_plane(self.database, self.directory))
        self.plane.preparation.gate.clear()
        self.plane.preparation.failure = failure
        self.run(resume(self.plane.control))

    def is_there_a_change(self) -> bool:
        found = self.look()
        return found is not None and "Creating" in (
            found.get("StateReasonCode"),
            found.get("LastUpdateStatusReasonCode"),
        )

    def published(self, answer: dict[str, Any] | None) -> None:
        """A version was answered: a new one by the next number, or the last one again."""
        if answer is None:
            return
        number = int(answer["Version"])
        assert number in (self.last, self.last + 1)
        if number == self.last:
            assert answer["Version"] in self.versions
        else:
            self.versions[answer["Version"]] = immutable(answer)
        self.last = number

    # What always holds

    @invariant()
    def everything_is_as_it_must_be(self) -> None:
        before, self.told = self.told, self.look()
        self.states_follow_one_another(before, self.told)
        self.revision_changes_with_every_change_and_only_then(before, self.told)
        if self.told is None:
            assert code_storage(self.plane.control.resources, ACCOUNT, REGION) == 0
            return
        self.versions_never_change()
        self.aliases_are_where_they_were_put()
        self.active_function_is_served()

    def states_follow_one_another(self, before: Any, after: Any) -> None:
        if state(before) != state(after):
            assert state(after) in MAY_FOLLOW[state(before)], (state(before), state(after))

    def revision_changes_with_every_change_and_only_then(self, before: Any, after: Any) -> None:
        if before is not None and after is not None:
            assert (before["RevisionId"] != after["RevisionId"]) == self.has_accepted
            if not self.has_accepted and state(before) == state(after):
                assert before == after
        self.has_accepted = False

    def versions_never_change(self) -> None:
        listed = self.ask("ListVersionsByFunction")["Versions"]
        assert [each["Version"] for each in listed] == ["$LATEST", *sorted(self.versions, key=int)]
        stored = code_storage(self.plane.control.resources, ACCOUNT, REGION)
        assert stored == sum(each["CodeSize"] for each in listed)
        for version, told in self.versions.items():
            found = self.ask("GetFunctionConfiguration", Qualifier=version)
            assert immutable(found) == told

    def aliases_are_where_they_were_put(self) -> None:
        listed = self.ask("ListAliases")["Aliases"]
        assert {each["Name"]: each["FunctionVersion"] for each in listed} == self.aliases

    def active_function_is_served(self) -> None:
        """By what it was before, as long as a change is on its way and after it has failed."""
        assert self.told is not None
        answer = self.ask("Invoke")
        if self.told["State"] != "Active":
            assert answer == NOT_NOW
            return
        assert answer["ExecutedVersion"] == "$LATEST"
        told = content(self.told)
        served = content(function_configuration(self.plane.invoker.invoked.pop()[0]))
        if self.told["LastUpdateStatus"] == "Successful":
            assert served == told
        else:
            assert served == self.served
        if self.told["LastUpdateStatus"] == "Failed":
            assert told == served
        self.served = served


def content(configuration: dict[str, Any]) -> tuple[str, int]:
    """What updates of this test change."""
    return configuration["CodeSha256"], configuration["Timeout"]


def state(configuration: dict[str, Any] | None) -> Any:
    """State and LastUpdateStatus."""
    if configuration is None:
        return None
    return configuration["State"], configuration.get("LastUpdateStatus")


def immutable(configuration: dict[str, Any]) -> dict[str, Any]:
    """What of a version may never change: all but how its preparation went."""
    states = ("State", "LastUpdateStatus", "RuntimeVersionConfig")
    return {name: value for name, value in configuration.items() if not name.startswith(states)}


FunctionLife.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestFunctionLife = pytest.mark.slow(FunctionLife.TestCase)
