"""The Runtime API against a runtime that calls whatever it likes, whenever it likes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdad.environment.runtime_api import Answer, ErrorResponse, RuntimeApi
from lambdad.model.invocation import Invocation
from lambdad.model.response_stream import ResponseStream

PREFIX = "/2018-06-01/runtime"
MODE = {"lambda-runtime-function-response-mode": "streaming"}
LIMIT = 10


@dataclass(eq=False)
class Asked:
    """A request, and every answer that it got."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    is_too_large: bool = False
    is_cut_off: bool = False
    answers: list[tuple[int, bytes]] = field(default_factory=list)

    def cut_off(self) -> None:
        self.is_cut_off = True

    def header(self, name: bytes) -> str:
        return self.headers.get(name.decode(), "")

    def answer(self, status: int, body: bytes, headers: str = "") -> None:
        self.answers.append((status, body))


class RuntimeApiMachine(RuleBasedStateMachine):
    """The model: an event is `delivered`, then `taken` by a next, then `answered`, at once or by a
    `writer` whose response streams, and may be `broken` off."""

    def __init__(self) -> None:
        super().__init__()
        self.api = RuntimeApi(
            on_next=self._on_next, on_init_error=self._on_init_error, on_answer=self._on_answer
        )
        self.asked: list[Asked] = []
        self.lost: set[Asked] = set()
        self.init_ends = 0
        self.answers: list[Answer] = []
        self.delivered = 0
        self.stream = ResponseStream(LIMIT)
        self.writer: Asked | None = None
        self.is_broken = False

    def _on_next(self) -> None:
        self.init_ends += 1

    def _on_init_error(self, answer: ErrorResponse) -> None:
        self.init_ends += 1

    def _on_answer(self, answer: Answer) -> None:
        self.answers.append(answer)

    @property
    def taken(self) -> list[bytes]:
        """Every event that a next was answered with."""
        nexts = [a for a in self.asked if a.path.endswith("/next")]
        return [body for a in nexts for status, body in a.answers if status == 200]

    @property
    def is_out(self) -> bool:
        return self.delivered > len(self.answers)

    def _ask(self, method: str, path: str, **members: Any) -> Asked:
        asked = Asked(method, PREFIX + path, **members)
        self.asked.append(asked)
        self.api.handle(asked)
        return asked

    @property
    def is_awaited(self) -> bool:
        """Whether the runtime has an event that has no outcome."""
        return self.is_out and len(self.taken) == self.delivered

    def _request_id(self, age: int) -> str:
        return f"r{self.delivered - age}"

    # The platform

    @precondition(lambda self: self.init_ends and not self.is_out)
    @rule()
    def deliver(self) -> None:
        self.delivered += 1
        name = self._request_id(0)
        self.stream, self.writer, self.is_broken = ResponseStream(LIMIT), None, False
        invocation = Invocation(name, name.encode(), "arn", "trace", stream=self.stream)
        self.api.deliver(invocation, 1)

    # The runtime

    @rule()
    def ask_for_the_next(self) -> None:
        waiting = [a for a in self.asked if not a.answers and a not in self.lost]
        was_taken = len(self.taken)
        is_untaken = was_taken < self.delivered
        is_free = not waiting and (not self.is_out or is_untaken or self.is_broken)
        asked = self._ask("GET", "/invocation/next")
        is_refused = bool(asked.answers) and asked.answers[0][0] == 403
        assert is_refused is not is_free

    @rule(age=st.integers(-1, 2), kind=st.sampled_from(["response", "error"]), large=st.booleans())
    def answer(self, age: int, kind: str, large: bool) -> None:
        is_open = self.writer is None or (self.is_broken and kind == "error")
        is_awaited = self.is_awaited and is_open
        told = len(self.answers)
        asked = self._ask("POST", f"/invocation/{self._request_id(age)}/{kind}", is_too_large=large)
        ((status, _),) = asked.answers
        if is_awaited and age == 0:
            assert status == (413 if large else 202)
            assert len(self.answers) == told + 1
        else:
            assert status in (400, 403)
            assert len(self.answers) == told

    @precondition(lambda self: self.is_awaited)
    @rule(age=st.integers(-1, 1), is_streaming=st.booleans())
    def begin_to_stream(self, age: int, is_streaming: bool) -> None:
        path = f"{PREFIX}/invocation/{self._request_id(age)}/response"
        asked = Asked("POST", path, headers=MODE if is_streaming else {})
        stream = self.api.open_stream(asked)
        if age == 0 and is_streaming and self.writer is None:
            assert stream is self.stream
            self.writer = asked
        else:
            assert stream is None

    @precondition(lambda self: self.is_awaited and self.writer and not self.is_broken)
    @rule(size=st.integers(1, LIMIT))
    def write(self, size: int) -> None:
        told = len(self.answers)
        self.stream.feed(bytes(size))
        assert self.writer is not None
        assert [status for status, _ in self.writer.answers] == [413] * (len(self.answers) - told)
        assert self.writer.is_cut_off is (len(self.answers) > told)

    @precondition(lambda self: self.is_awaited and self.writer)
    @rule()
    def break_off(self) -> None:
        self.api.lost(self.writer)
        self.is_broken = True

    @precondition(lambda self: self.is_awaited and self.writer and not self.is_broken)
    @rule(trailers=st.sampled_from([{}, {"lambda-runtime-function-error-type": "Mine"}]))
    def end_the_stream(self, trailers: dict[str, str]) -> None:
        assert self.writer is not None
        self.writer.trailers = trailers
        self.api.handle(self.writer)
        assert [status for status, _ in self.writer.answers] == [202]
        assert isinstance(self.answers[-1], ErrorResponse) is bool(trailers)

    @rule()
    def fail_to_init(self) -> None:
        was_over = bool(self.init_ends)
        ((status, _),) = self._ask("POST", "/init/error").answers
        assert status == (403 if was_over else 202)

    @rule(
        method=st.sampled_from(["GET", "POST", "PUT"]),
        path=st.sampled_from(["/", "/invocation/", "/invocation//response", "/init", "x", ""]),
    )
    def ask_for_nonsense(self, method: str, path: str) -> None:
        ((status, _),) = self._ask(method, path).answers
        assert status in (400, 403, 404)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def lose_a_connection(self, data: st.DataObject) -> None:
        asked = data.draw(st.sampled_from(self.asked))
        if not asked.answers:
            self.lost.add(asked)
        self.api.lost(None if asked.answers else asked)

    # What always holds

    @invariant()
    def no_request_is_answered_twice(self) -> None:
        assert all(len(asked.answers) <= 1 for asked in self.asked)

    @invariant()
    def a_lost_request_is_never_answered(self) -> None:
        assert not any(asked.answers for asked in self.lost)

    @invariant()
    def at_most_one_request_waits(self) -> None:
        waiting = [a for a in self.asked if not a.answers and a not in self.lost]
        assert len(waiting) <= 1
        assert all(a.path.endswith("/next") for a in waiting)

    @invariant()
    def events_are_taken_once_and_in_order(self) -> None:
        assert self.taken == [b"r%d" % (n + 1) for n in range(len(self.taken))]
        assert self.delivered - 1 <= len(self.taken) <= self.delivered or not self.delivered

    @invariant()
    def events_are_answered_once_and_after_they_were_taken(self) -> None:
        assert len(self.answers) <= len(self.taken)

    @invariant()
    def the_node_knows_whether_the_event_was_taken(self) -> None:
        assert self.api.is_handed_over is (len(self.taken) == self.delivered)

    @invariant()
    def init_ends_once(self) -> None:
        assert self.init_ends <= 1


RuntimeApiMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None
)
TestRuntimeApi = pytest.mark.slow(RuntimeApiMachine.TestCase)
