"""Durable executions: stop, pause, resume, delete, and the answers to callbacks."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.errors import ClientError
from lambdad.model.durable_callback import answer_callback, beat, make_callback_id, read_callback_id
from lambdad.model.durable_execution import DurableExecution, key_of
from lambdad.model.durable_life import delete, pause, resume, stop
from support.durable import NOW, apply, event_types, make_execution, update

ERROR = {"ErrorMessage": "it broke"}
DAY = 24 * 60 * 60
CONFLICT = "ResourceConflictException"


def paused(execution: DurableExecution, now: float = NOW, **request: Any) -> DurableExecution:
    """The execution after PauseDurableExecution."""
    plain = {"client_token": "p", "reason": None, "is_timeout_paused": True}
    return pause(execution, now, **{**plain, **request})


def resumed(execution: DurableExecution, now: float = NOW, **request: Any) -> DurableExecution:
    """The execution after ResumeDurableExecution."""
    return resume(execution, now, **{"client_token": "r", "reason": None, **request})


def refused_by(code: str) -> Any:
    """Expect an error with this code."""
    return pytest.raises(ClientError, check=lambda error: error.code == code)


def test_an_arn_leads_to_its_execution() -> None:
    execution = make_execution(version="$LATEST.PUBLISHED")
    assert key_of(execution.arn) == execution.key
    assert key_of(f"{execution.arn}/more") is None
    assert key_of("arn:aws:lambda:eu-central-1:123456789012:function:echo") is None


def test_a_stop_is_final() -> None:
    # Given
    execution = apply(make_execution(), update("s", "STEP", "START"))
    # When
    stopped = stop(execution, NOW + 5, ERROR)
    # Then
    assert (stopped.status, stopped.ended, stopped.error) == ("STOPPED", NOW + 5, ERROR)
    assert {each.status for each in stopped.operations} == {"STOPPED"}
    assert stopped.events[-1].details == {"Error": {"Payload": ERROR}}
    # And once is enough
    assert stop(stopped, NOW + 9, None) is stopped
    for change in (paused, resumed):
        with refused_by(CONFLICT):
            change(stopped)


def test_an_execution_without_an_invocation_is_paused_at_once() -> None:
    # When
    rests = paused(make_execution(token=None), reason="lunch")
    # Then
    assert (rests.status, rests.events[-1].type) == ("PAUSED", "ExecutionPaused")
    assert rests.events[-1].details == {
        "PauseRequestTimestamp": NOW,
        "ExecutionTimeoutPaused": True,
        "Reason": {"Payload": "lunch"},
    }
    # When it is resumed
    again = resumed(rests, NOW + 100, reason="back")
    # Then its timeout is put off, and the history says so
    assert (again.status, again.pause) == ("RUNNING", None)
    assert again.timeout_at == NOW + 3_700
    assert again.events[-1].details == {
        "ResumeRequestTimestamp": NOW + 100,
        "Reason": {"Payload": "back"},
    }


def test_a_timeout_goes_on_or_stands_still_as_asked() -> None:
    execution = make_execution(token=None)
    assert execution.timeout_at == NOW + 3_600
    still = paused(execution)
    assert still.timeout_at == NOW + 366 * DAY
    going = paused(execution, is_timeout_paused=False)
    assert going.timeout_at == NOW + 3_600
    assert resumed(going, NOW + 100).timeout_at == NOW + 3_600
    # However often it is paused, an execution has 366 days
    long = make_execution(token=None, execution_timeout=366 * DAY)
    assert resumed(paused(long), NOW + DAY).timeout_at == NOW + 366 * DAY


def test_a_pause_that_has_not_begun_is_taken_back() -> None:
    execution = make_execution()
    asked = paused(execution)
    assert asked.status == "PAUSING"
    assert resumed(asked).status == "RUNNING"
    assert event_types(resumed(asked)) == event_types(execution)
    assert apply(resumed(asked)).status == "RUNNING"


def test_a_request_may_be_repeated_with_its_client_token() -> None:
    # Given
    rests = paused(make_execution(token=None), reason="lunch")
    # Then the same request succeeds for a quarter of an hour, also when it is over
    assert paused(rests, NOW + 899, reason="lunch") is rests
    again = resumed(rests, NOW + 10)
    assert paused(again, NOW + 20, reason="lunch") is again
    assert resumed(again, NOW + 20) is again
    # And another one does not
    with refused_by("InvalidParameterValueException"):
        paused(rests, reason="tea")
    for other in ({"client_token": "q"}, {"client_token": None}):
        with refused_by(CONFLICT):
            paused(rests, **other)
    with refused_by(CONFLICT):
        paused(rests, NOW + 900, reason="lunch")
    with refused_by(CONFLICT):
        resumed(again, NOW + 20, client_token="other")


def test_only_what_has_ended_is_deleted() -> None:
    execution = make_execution()
    for each in (execution, paused(execution), paused(make_execution(token=None))):
        with refused_by(CONFLICT):
            delete(each)
    deleting = delete(stop(execution, NOW, None))
    assert deleting.status == "DELETING"
    with refused_by(CONFLICT):
        delete(deleting)


# Callbacks


def with_callback(**options: int) -> tuple[DurableExecution, str]:
    """An execution that waits for a callback, and the callback's id."""
    started = update("c", "CALLBACK", "START", CallbackOptions=options)
    execution = apply(make_execution(), started, now=NOW)
    return execution, execution.operation("c").details["CallbackId"]


def test_a_callback_is_answered_once() -> None:
    # Given
    execution, callback_id = with_callback()
    assert read_callback_id(callback_id) == (execution.key, "c")
    # When
    answered = answer_callback(execution, callback_id, NOW + 9, result="42")
    # Then
    callback = answered.operation("c")
    assert (callback.status, callback.ended) == ("SUCCEEDED", NOW + 9)
    assert callback.details == {"CallbackId": callback_id, "Result": "42"}
    assert answered.events[-1].type == "CallbackSucceeded"
    assert [each.id for each in apply(answered).news()] == ["c"]
    with pytest.raises(ClientError, match="completed already"):
        answer_callback(answered, callback_id, NOW + 9, error=ERROR)


@pytest.mark.parametrize("error", [ERROR, {}])
def test_a_callback_fails_with_an_error(error: dict[str, str]) -> None:
    execution, callback_id = with_callback()
    answered = answer_callback(execution, callback_id, NOW, error=error)
    assert answered.operation("c").status == "FAILED"
    assert answered.events[-1].details == {"Error": {"Payload": error}}


def test_a_callback_may_have_no_result() -> None:
    execution, callback_id = with_callback()
    answered = answer_callback(execution, callback_id, NOW)
    assert answered.operation("c").details == {"CallbackId": callback_id}
    assert answered.events[-1].details == {"Result": {}}


def test_a_callback_times_out_unless_it_is_heard_of() -> None:
    late = "CallbackTimeoutException"
    execution, callback_id = with_callback(TimeoutSeconds=20, HeartbeatTimeoutSeconds=8)
    answer_callback(execution, callback_id, NOW + 7.9)
    with refused_by(late):
        answer_callback(execution, callback_id, NOW + 8)
    alive = beat(beat(execution, callback_id, NOW + 7), callback_id, NOW + 14)
    answer_callback(alive, callback_id, NOW + 19)
    with refused_by(late):
        beat(alive, callback_id, NOW + 20)
    timed_out = execution.with_operation(replace(execution.operation("c"), status="TIMED_OUT"))
    with refused_by(late):
        answer_callback(timed_out, callback_id, NOW)


def test_a_forged_callback_is_nobodys() -> None:
    execution, _ = with_callback()
    forged = make_callback_id(execution, "c", "0" * 32)
    with refused_by("ResourceNotFoundException"):
        answer_callback(execution, forged, NOW)


@pytest.mark.parametrize(
    "text", [b"", b"[", b"{}", b'["a","b","c","d"]', b'["a","b","c","d",1]', b"[" * 9_000, b"\xff"]
)
def test_what_is_no_callback_id_is_not_read(text: bytes) -> None:
    assert read_callback_id(b64encode(text).decode()) is None


@given(st.text(max_size=60))
def test_no_text_is_an_error(text: str) -> None:
    assert read_callback_id(text) is None
    assert key_of(text) is None
