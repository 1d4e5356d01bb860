"""Checkpoints: which updates there can be, in which order, and what they come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lambdad.errors import ClientError
from lambdad.model.durable_checkpoint import checkpoint
from lambdad.model.durable_execution import Operation, Request
from lambdad.model.durable_life import pause, stop
from support.durable import NOW, TOKEN, apply, event_types, make_execution, statuses, update

INVALID = "InvalidParameterValueException"
ERROR = {"ErrorType": "Broken", "ErrorMessage": "it broke"}
RETRY = {"StepOptions": {"NextAttemptDelaySeconds": 5}}
WAIT = {"WaitOptions": {"WaitSeconds": 60}}
CHAINED = {"ChainedInvokeOptions": {"FunctionName": "other:1"}}


def refusal(execution: Any, *updates: dict[str, Any]) -> str:
    """The sentence with which a checkpoint is refused."""
    with pytest.raises(ClientError) as caught:
        apply(execution, *updates)
    assert caught.value.code == INVALID
    return caught.value.message


def test_a_step_is_tried_again_until_it_succeeds() -> None:
    # Given a step that has failed once
    execution = apply(make_execution(), update("s", "STEP", "START", Name="pay"))
    execution = apply(execution, update("s", "STEP", "RETRY", Error=ERROR, **RETRY))
    step = execution.operation("s")
    assert (step.status, step.details) == (
        "PENDING",
        {"Attempt": 1, "Error": ERROR, "NextAttemptTimestamp": NOW + 6},
    )
    assert "its status is PENDING" in refusal(execution, update("s", "STEP", "START"))
    # When its next attempt is due, and succeeds
    execution = execution.with_operation(_with_status(step, "READY"))
    execution = apply(
        execution, update("s", "STEP", "START"), update("s", "STEP", "SUCCEED", Payload="2")
    )
    # Then
    step = execution.operation("s")
    assert (step.status, step.details, step.name) == (
        "SUCCEEDED",
        {"Attempt": 2, "Result": "2"},
        "pay",
    )
    assert event_types(execution)[1:] == [
        "StepStarted",
        "StepFailed",
        "StepStarted",
        "StepSucceeded",
    ]
    assert execution.events[2].details == {
        "Error": {"Payload": ERROR},
        "RetryDetails": {"CurrentAttempt": 1, "NextAttemptDelaySeconds": 5},
    }


def _with_status(operation: Operation, status: str) -> Operation:

    return replace(operation, status=status)


def test_contexts_hold_operations() -> None:
    execution = apply(
        make_execution(),
        update("c", "CONTEXT", "START"),
        update("s", "STEP", "SUCCEED", ParentId="c", Payload="1"),
        update("w", "WAIT", "START", ParentId="c", **WAIT),
    )
    assert [each.id for each in execution.replayed()] == ["id-order", "c", "s", "w"]
    # When it is closed, what is in it is no longer replayed
    closed = apply(execution, update("c", "CONTEXT", "SUCCEED", Payload="3"))
    assert [each.id for each in closed.replayed()] == ["id-order", "c"]
    # Unless it wants so
    options = {"ContextOptions": {"ReplayChildren": True}}
    closed = apply(execution, update("c", "CONTEXT", "FAIL", Error=ERROR, **options))
    assert [each.id for each in closed.replayed()] == ["id-order", "c", "s", "w"]
    assert closed.operation("c").details == {"Error": ERROR, "ReplayChildren": True}


def test_waits_callbacks_and_chained_invocations_begin() -> None:
    # When
    execution = apply(
        make_execution(),
        update("w", "WAIT", "START", **WAIT),
        update("c", "CALLBACK", "START", CallbackOptions={"TimeoutSeconds": 9}),
        update("i", "CHAINED_INVOKE", "START", Payload="{}", **CHAINED),
    )
    # Then
    assert statuses(execution) == {"w": "STARTED", "c": "STARTED", "i": "STARTED"}
    waiting, callback, chained = execution.events[1:]
    assert waiting.details == {"Duration": 60, "ScheduledEndTimestamp": NOW + 61}
    assert callback.details == {
        "CallbackId": execution.operation("c").details["CallbackId"],
        "Timeout": 9,
        "HeartbeatTimeout": 0,
    }
    assert chained.details == {"FunctionName": "other:1", "Input": {"Payload": "{}"}}
    # And a wait can be given up
    cancelled = apply(execution, update("w", "WAIT", "CANCEL"))
    assert statuses(cancelled)["w"] == "CANCELLED"


def test_the_last_update_may_end_the_execution() -> None:
    execution = apply(
        make_execution(),
        update("w", "WAIT", "START", **WAIT),
        update("any", "EXECUTION", "SUCCEED", Payload="9"),
    )
    assert (execution.status, execution.result, execution.ended) == ("SUCCEEDED", "9", NOW + 1)
    assert execution.checkpoint_token is None
    assert statuses(execution) == {"w": "STOPPED"}
    failed = apply(make_execution(), update("any", "EXECUTION", "FAIL", Error=ERROR))
    assert (failed.status, failed.error) == ("FAILED", ERROR)
    assert event_types(failed)[-1] == "ExecutionFailed"


def test_a_token_is_good_once() -> None:
    # Given
    first = make_execution()
    second = apply(first, update("s", "STEP", "START"))
    # Then the old token is refused, and the new one is good
    request = Request("another", NOW, (TOKEN,))
    with pytest.raises(ClientError, match="Invalid checkpoint token"):
        checkpoint(second, [], request, "bmV3")
    assert apply(second).checkpoint_token != second.checkpoint_token
    # And nobody has a token of an execution that rests or has ended
    for execution in (stop(first, NOW, None), make_execution(token=None)):
        with pytest.raises(ClientError, match="Invalid checkpoint token"):
            apply(execution)


def test_a_checkpoint_may_be_repeated_with_its_client_token() -> None:
    # Given
    request = Request("mine", NOW, (TOKEN,))
    updates = [update("s", "STEP", "START")]
    kept = checkpoint(make_execution(), updates, request, "bmV3")
    # When it is sent again, it changes nothing
    again = checkpoint(kept, updates, Request("mine", NOW + 899, (TOKEN,)), "other")
    assert again is kept
    # But not after a quarter of an hour, nor without its client token
    for late in (Request("mine", NOW + 900, (TOKEN,)), Request(None, NOW, (TOKEN,))):
        with pytest.raises(ClientError, match="Invalid checkpoint token"):
            checkpoint(kept, updates, late, "other")


def test_a_checkpoint_tells_what_has_changed_since_the_last_one() -> None:
    first = apply(make_execution(), update("a", "STEP", "START"), update("b", "STEP", "START"))
    assert [each.id for each in first.news()] == ["a", "b"]
    # When something happens in between
    between = first.with_operation(first.operation("a"))
    second = apply(between, update("b", "STEP", "SUCCEED"))
    assert [each.id for each in second.news()] == ["a", "b"]
    assert [each.id for each in apply(second).news()] == []


def test_a_pausing_execution_is_paused_by_a_checkpoint() -> None:
    asked = pause(make_execution(), NOW, client_token=None, reason="lunch", is_timeout_paused=True)
    assert asked.status == "PAUSING"
    rested = apply(asked, update("s", "STEP", "SUCCEED"))
    assert (rested.status, rested.checkpoint_token) == ("PAUSED", None)
    assert statuses(rested) == {"s": "SUCCEEDED"}


@pytest.mark.parametrize(
    "updates",
    [
        [update("s", "STEP", "CANCEL")],
        [update("c", "CALLBACK", "SUCCEED")],
        [update("i", "CHAINED_INVOKE", "FAIL")],
        [update("e", "EXECUTION", "START")],
        [update("w", "WAIT", "CANCEL")],
        [update("w", "WAIT", "START")],
        [update("s", "STEP", "RETRY")],
        [update("i", "CHAINED_INVOKE", "START")],
        [
            update(
                "i",
                "CHAINED_INVOKE",
                "START",
                ChainedInvokeOptions={"FunctionName": "arn:aws:lambda:x"},
            )
        ],
        [
            update(
                "i",
                "CHAINED_INVOKE",
                "START",
                ChainedInvokeOptions={"FunctionName": "210987654321:function:f"},
            )
        ],
        [
            update(
                "i",
                "CHAINED_INVOKE",
                "START",
                ChainedInvokeOptions={
                    "FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f"
                },
            )
        ],
        [update("s", "STEP", "SUCCEED", Error=ERROR)],
        [update("s", "STEP", "FAIL", Payload="1")],
        [update("s", "STEP", "RETRY", Payload="1", Error=ERROR, **RETRY)],
        [update("s", "STEP", "SUCCEED", Payload="x" * (1 << 20) + "x")],
        [update("s", "STEP", "FAIL", Error={"ErrorData": "x" * (1 << 20)})],
        [update("s", "STEP", "START", ParentId="nobody")],
        [update("s", "STEP", "START", ParentId="open")],
        [update("s", "STEP", "START", ParentId="s")],
        [update("c", "CONTEXT", "START", ParentId="c")],
        [update("open", "WAIT", "START", **WAIT)],
        [update("open", "STEP", "SUCCEED", Name="other")],
        [update("open", "STEP", "SUCCEED", SubType="other")],
        [update("open", "STEP", "SUCCEED", ParentId="context")],
        [update("open", "STEP", "START")],
        [update("context", "CONTEXT", "START")],
        [update("s", "STEP", "START"), update("s", "STEP", "START")],
        [update("w", "WAIT", "START", **WAIT), update("w", "WAIT", "CANCEL")],
        [update("s", "STEP", "SUCCEED"), update("s", "STEP", "START")],
        [update("e", "EXECUTION", "SUCCEED"), update("s", "STEP", "START")],
        [update("e", "EXECUTION", "SUCCEED"), update("e", "EXECUTION", "SUCCEED")],
    ],
)
def test_what_cannot_be_is_refused_as_a_whole(updates: list[dict[str, Any]]) -> None:
    # Given
    execution = apply(
        make_execution(),
        update("open", "STEP", "START", Name="a", SubType="b"),
        update("context", "CONTEXT", "START"),
    )
    # Then
    refusal(execution, update("fine", "STEP", "START"), *updates)


@pytest.mark.slow
def test_an_execution_has_no_more_than_its_operations() -> None:
    many = [update(f"s{number}", "STEP", "START") for number in range(2_999)]
    execution = apply(make_execution(), *many)
    assert "at most 3000" in refusal(execution, update("more", "STEP", "START"))
    apply(execution, update("s1", "STEP", "SUCCEED"))
