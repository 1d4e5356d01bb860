"""StartLiveTail: what a session shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from lambdad.clock import FakeClock
from lambdad.model.log_line import LogLine
from lambdad.observe.log_store import LogStore
from lambdad.services.logs import live_tail

Call = Callable[..., Awaitable[Any]]
PLACE = ("000000000000", "us-east-1")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_tail, "UPDATE_SECONDS", 0)


@pytest.fixture
def write(log_store: LogStore) -> Callable[..., None]:
    def write(*messages: str, group: str = "g", stream: str = "s") -> None:
        lines = [LogLine(number, message) for number, message in enumerate(messages)]
        log_store.append(*PLACE, group, stream, lines)
        log_store.flush()

    return write


async def begin(call: Call, **request: Any) -> Any:
    """A session that has started."""
    request = {"logGroupIdentifiers": ["g"], **request}
    events = (await call("StartLiveTail", **request))["responseStream"]
    start = (await anext(events))["sessionStart"]
    assert start["logGroupIdentifiers"] == request["logGroupIdentifiers"]
    return events


async def update(events: Any) -> tuple[list[str], bool]:
    """What the next update shows, and whether it is only a sample."""
    told = (await anext(events))["sessionUpdate"]
    lines = [line["message"] for line in told["sessionResults"]]
    return lines, told["sessionMetadata"]["sampled"]


async def test_lines_are_shown_as_they_come(call: Call, write: Callable[..., None]) -> None:
    write("before")
    events = await begin(call)
    assert await update(events) == ([], False)
    write("a", "b")
    told = await anext(events)
    first, _ = told["sessionUpdate"]["sessionResults"]
    assert first == {
        "logStreamName": "s",
        "logGroupIdentifier": "000000000000:g",
        "message": "a",
        "timestamp": 0,
        "ingestionTime": first["ingestionTime"],
    }
    write("c")
    assert await update(events) == (["c"], False)


async def test_a_session_is_of_some_lines(call: Call, write: Callable[..., None]) -> None:
    write("", group="g")
    write("", group="other")
    by_pattern = await begin(call, logEventFilterPattern="{ $.level = ERROR }")
    by_name = await begin(call, logStreamNames=["a"])
    by_prefix = await begin(call, logStreamNamePrefixes=["b"])
    of_both = await begin(call, logGroupIdentifiers=["g", "other"])
    write('{"level": "ERROR"}', "ERROR", stream="a")
    write("b", stream="b1")
    write("other", group="other")
    assert await update(by_pattern) == (['{"level": "ERROR"}'], False)
    assert await update(by_name) == (['{"level": "ERROR"}', "ERROR"], False)
    assert await update(by_prefix) == (["b"], False)
    assert await update(of_both) == (['{"level": "ERROR"}', "ERROR", "b", "other"], False)


async def test_of_many_lines_some_are_shown(call: Call, write: Callable[..., None]) -> None:
    write("")
    events = await begin(call)
    write(*map(str, range(2000)))
    shown, is_sampled = await update(events)
    assert (len(shown), is_sampled) == (live_tail.MAX_SHOWN, True)
    assert shown[:3] == ["0", "4", "8"]
    # and who has not looked for long sees the youngest
    for number in range(live_tail.MAX_FRAMES + 10):
        write(str(number))
    shown, is_sampled = await update(events)
    assert (shown[0], shown[-1], is_sampled) == ("10", str(live_tail.MAX_FRAMES + 9), True)


async def test_an_update_is_no_larger_than_a_client_takes(
    call: Call, write: Callable[..., None]
) -> None:
    write("")
    events = await begin(call)
    write(*("x" * 1_000_000 for _ in range(30)))
    shown, is_sampled = await update(events)
    assert (len(shown), is_sampled) == (3, True)


async def test_only_so_many_lines_are_looked_at_even_of_one_frame(
    call: Call, write: Callable[..., None]
) -> None:
    write("")
    events = await begin(call, logEventFilterPattern="last")
    write(*("" for _ in range(live_tail.MAX_SEARCHED)), "last")
    assert await update(events) == ([], True)


async def test_a_session_ends_after_three_hours(
    call: Call, write: Callable[..., None], clock: FakeClock
) -> None:
    write("")
    events = await begin(call)
    clock.advance(live_tail.SESSION_SECONDS)
    assert "SessionTimeoutException" in await anext(events)
    with pytest.raises(StopAsyncIteration):
        await anext(events)


async def test_what_cannot_be_shown_is_refused(
    call: Call, refuses: Call, write: Callable[..., None]
) -> None:
    write("")
    write("", group="h")
    for request, code in (
        ({"logGroupIdentifiers": ["none"]}, "ResourceNotFoundException"),
        ({"logEventFilterPattern": "{"}, "InvalidParameterException"),
        ({"logGroupIdentifiers": ["g", "h"], "logStreamNames": ["a"]}, "InvalidParameterException"),
        ({"logStreamNamePrefixes": ["a"], "logStreamNames": ["a"]}, "InvalidParameterException"),
    ):
        asked = {"logGroupIdentifiers": ["g"], **request}
        assert (await refuses("StartLiveTail", **asked))[0] == code
    sessions = [await begin(call) for _ in range(live_tail.MAX_SESSIONS)]
    code, _ = await refuses("StartLiveTail", logGroupIdentifiers=["g"])
    assert code == "LimitExceededException"
    await sessions[0].aclose()
    await begin(call)
