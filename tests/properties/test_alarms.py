"""Alarms are judged alike, whatever comes in; rules say what Python would."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.model.alarm import AlarmState, evaluate
from lambdad.model.alarm_evidence import COMPARISONS, Datapoint, Watch
from lambdad.model.alarm_rule import InvalidRuleError, parse_rule

END = 1_795_831_860
FIXED = settings(max_examples=300, derandomize=True, deadline=None)

numbers = st.floats(allow_nan=False, allow_infinity=False)
sizes = st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))
watches = st.builds(
    lambda size, comparison, threshold, treatment: Watch(
        60, comparison, threshold, size[0], size[1], treatment
    ),
    sizes,
    st.sampled_from(sorted(COMPARISONS)),
    numbers,
    st.sampled_from(["missing", "ignore", "breaching", "notBreaching"]),
)
found = st.dictionaries(st.integers(1, 12), numbers, max_size=12).map(
    lambda points: [Datapoint(END - 60 * age, value) for age, value in points.items()]
)


@FIXED
@given(watch=watches, datapoints=found)
def test_every_alarm_has_a_state_and_a_reason_that_fits(
    watch: Watch, datapoints: list[Datapoint]
) -> None:
    verdict = evaluate(watch, datapoints, end=END, now=END)
    if verdict is None:
        assert watch.treat_missing_data in ("missing", "ignore")
        return
    assert len(verdict.reason) <= 1_023
    assert json.loads(verdict.reason_data)["threshold"] == watch.threshold


@FIXED
@given(watch=watches, datapoints=found)
def test_without_missing_data_m_of_the_latest_n_decide(
    watch: Watch, datapoints: list[Datapoint]
) -> None:
    looked_at = [each for each in datapoints if each.time >= END - 60 * watch.periods_looked_at]
    latest = sorted(looked_at, key=lambda each: -each.time)[: watch.evaluation_periods]
    if len(latest) == watch.evaluation_periods:
        verdict = evaluate(watch, datapoints, end=END, now=END)
        assert verdict is not None
        is_alarm = sum(map(watch.is_breached_by, latest)) >= watch.needed
        assert verdict.state == (AlarmState.ALARM if is_alarm else AlarmState.OK)


rules = st.recursive(
    st.sampled_from(["TRUE", "FALSE", "ALARM(a)", 'OK("a")', "ALARM(b)"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" AND ", " OR "]), inner).map("".join),
        inner.map(lambda text: f"NOT {text}"),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=12,
)


@FIXED
@given(text=rules, a=st.sampled_from(list(AlarmState)), b=st.sampled_from(list(AlarmState)))
def test_a_rule_says_what_python_says(text: str, a: AlarmState, b: AlarmState) -> None:
    known = {"ALARM(a)": a == "ALARM", 'OK("a")': a == "OK", "ALARM(b)": b == "ALARM"}
    python = text.replace("TRUE", "True").replace("FALSE", "False")
    for name, value in known.items():
        python = python.replace(name, str(value))
    python = python.replace("AND", "and").replace("OR", "or").replace("NOT", "not")
    assert parse_rule(text).holds({"a": a, "b": b}.__getitem__) is eval(python)


@FIXED
@given(text=st.text('ALRMOKNDTUEFS_()",%12ab ', max_size=40) | st.text(max_size=40))
def test_every_text_is_a_rule_or_is_refused(text: str) -> None:
    with suppress(InvalidRuleError):
        assert parse_rule(text).holds(lambda alarm: "OK") in (True, False)
