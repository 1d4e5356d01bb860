"""Whatever is asked of a durable execution, and in whichever order: its rules hold."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from lambdad.errors import ClientError
from lambdad.model.durable_callback import answer_callback
from lambdad.model.durable_checkpoint import checkpoint
from lambdad.model.durable_execution import (
    DELETING,
    FINAL,
    OPEN,
    OPEN_OPERATION,
    DurableExecution,
    Request,
)
from lambdad.model.durable_life import begin_invocation, delete, pause, resume, stop
from lambdad.store.documents import parse_resource, serialize_resource
from support.durable import NOW, make_execution

pytestmark = pytest.mark.slow

ids = st.sampled_from(["a", "b", "c", "d"])
client_tokens = st.none() | st.sampled_from(["x", "y"])
errors = st.just({"ErrorMessage": "e"})
updates = st.fixed_dictionaries(
    {
        "Id": ids,
        "Type": st.sampled_from(
            ["STEP", "CONTEXT", "WAIT", "CALLBACK", "CHAINED_INVOKE", "EXECUTION"]
        ),
        "Action": st.sampled_from(["START", "START", "SUCCEED", "FAIL", "RETRY", "CANCEL"]),
    },
    optional={
        "ParentId": ids,
        "Payload": st.just("1"),
        "Error": errors,
        "StepOptions": st.just({"NextAttemptDelaySeconds": 1}),
        "WaitOptions": st.just({"WaitSeconds": 1}),
        "ContextOptions": st.fixed_dictionaries({"ReplayChildren": st.booleans()}),
        "CallbackOptions": st.just({"TimeoutSeconds": 5}),
        "ChainedInvokeOptions": st.just({"FunctionName": "f"}),
    },
)


class Walk(RuleBasedStateMachine):
    """One execution; every refused request leaves it as it was, for it is never replaced."""

    def __init__(self) -> None:
        super().__init__()
        self.execution: DurableExecution = make_execution(token=None)
        self.now = NOW
        self.tokens = 0

    def become(self, execution: DurableExecution) -> None:
        """Check what holds between an execution and the next one."""
        before, self.execution = self.execution, execution
        assert execution.events[: len(before.events)] == before.events
        assert execution.changes >= before.changes
        ids_before = [each.id for each in before.operations]
        assert [each.id for each in execution.operations][: len(ids_before)] == ids_before
        for old, new in zip(before.operations, execution.operations, strict=False):
            assert old.status in OPEN_OPERATION or old == new, "an operation that had ended"
            assert old == new or new.changed > old.changed, "a change that nobody is told of"
        if before.status in FINAL:
            assert execution.status in (before.status, DELETING)

    @rule(seconds=st.integers(1, 1_000))
    def time_goes_by(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def an_invocation_begins(self) -> None:
        if self.execution.status == "RUNNING" and self.execution.checkpoint_token is None:
            self.become(begin_invocation(self.execution, self.next_token()))

    @rule(sent=st.lists(updates, max_size=4), client_token=client_tokens, is_stale=st.booleans())
    def the_invocation_checkpoints(
        self, sent: list[dict[str, Any]], client_token: str | None, is_stale: bool
    ) -> None:
        token = "stale" if is_stale else self.execution.checkpoint_token or "none"
        request = Request(client_token, self.now, (token,))
        with suppress(ClientError):
            kept = checkpoint(self.execution, sent, request, self.next_token())
            assert not is_stale
            assert kept.checkpoint_token != token, "a token that is good twice"
            self.become(kept)
            again = checkpoint(kept, sent, request, self.next_token()) if client_token else kept
            assert again is kept

    @rule(client_token=client_tokens, is_timeout_paused=st.booleans())
    def somebody_pauses(self, client_token: str | None, is_timeout_paused: bool) -> None:
        with suppress(ClientError):
            asked = pause(
                self.execution,
                self.now,
                client_token=client_token,
                reason=None,
                is_timeout_paused=is_timeout_paused,
            )
            self.become(asked)

    @rule(client_token=client_tokens)
    def somebody_resumes(self, client_token: str | None) -> None:
        with suppress(ClientError):
            self.become(resume(self.execution, self.now, client_token=client_token, reason=None))

    @rule(id=ids, is_error=st.booleans())
    def somebody_answers(self, id: str, is_error: bool) -> None:
        operation = self.execution.operation(id)
        callback_id = operation.details.get("CallbackId", "") if operation else ""
        error = {"ErrorMessage": "e"} if is_error else None
        with suppress(ClientError):
            self.become(answer_callback(self.execution, callback_id, self.now, error=error))

    @rule()
    def somebody_stops(self) -> None:
        was_open = self.execution.status in OPEN
        self.become(stop(self.execution, self.now, None))
        assert self.execution.status == "STOPPED" or not was_open

    @rule()
    def somebody_deletes(self) -> None:
        with suppress(ClientError):
            self.become(delete(self.execution))

    def next_token(self) -> str:
        """A token that was never given before."""
        self.tokens += 1
        return f"token{self.tokens}"

    @invariant()
    def a_status_says_what_there_is(self) -> None:
        execution = self.execution
        has_token = execution.checkpoint_token is not None
        assert not has_token or execution.status in ("RUNNING", "PAUSING")
        assert (execution.status == "PAUSING") <= has_token
        assert (execution.pause is not None) == (execution.status in ("PAUSING", "PAUSED"))
        assert (execution.ended is None) == (execution.status in OPEN)
        is_any_open = any(each.status in OPEN_OPERATION for each in execution.operations)
        assert is_any_open == (execution.status in OPEN)

    @invariant()
    def operations_are_one_tree(self) -> None:
        seen: dict[str, str] = {}
        for operation in self.execution.operations:
            assert operation.id not in seen
            assert operation.parent_id is None or seen[operation.parent_id] == "CONTEXT"
            assert (operation.ended is None) == (operation.status in OPEN_OPERATION)
            seen[operation.id] = operation.type
        replayed = [each.id for each in self.execution.replayed()]
        assert replayed[0] == self.execution.id
        assert len(set(replayed)) == len(replayed)

    @invariant()
    def it_survives_the_disk(self) -> None:
        document = serialize_resource(self.execution)
        assert parse_resource(self.execution.kind, document) == self.execution


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
