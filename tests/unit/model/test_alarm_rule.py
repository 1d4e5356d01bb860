"""Rules of composite alarms."""

from __future__ import annotations

import time

import pytest

from lambdad.model.alarm_rule import InvalidRuleError, child_reason, parse_rule

STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA", "d e": "ALARM", 'q"': "ALARM"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("TRUE", True),
        ("FALSE", False),
        ("ALARM(a)", True),
        ('ALARM("a")', True),
        ("ALARM( b )", False),
        ("OK(b)", True),
        ("INSUFFICIENT_DATA(c)", True),
        ("ALARM(d e)", True),
        ('ALARM("q\\"")', True),
        ("ALARM(a) AND ALARM(b)", False),
        ("ALARM(a) OR ALARM(b)", True),
        ("NOT ALARM(a)", False),
        ("NOT NOT ALARM(a)", True),
        ('ALARM("a") AND (OK(b) OR NOT INSUFFICIENT_DATA(c))', True),
        # NOT binds more than AND, AND more than OR.
        ("TRUE OR TRUE AND FALSE", True),
        ("(TRUE OR TRUE) AND FALSE", False),
        ("NOT FALSE AND FALSE", False),
        ("NOT (FALSE AND FALSE)", True),
        ("FALSE AND FALSE OR TRUE", True),
        ("AT_LEAST(2, ALARM, (a, b, c))", False),
        ('AT_LEAST(2, ALARM, (a, "d e", c))', True),
        ("AT_LEAST(50%, NOT OK, (a, b, c))", True),
        ("AT_LEAST(100%, NOT OK, (a, b, c))", False),
        ("NOT AT_LEAST(1, OK, (b)) OR ALARM(a)", True),
    ],
)
def test_a_rule_holds_or_not(text: str, holds: bool) -> None:
    assert parse_rule(text).holds(STATES.__getitem__) is holds


def test_a_rule_names_alarms_by_name_or_arn() -> None:
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:api errors"
    rule = parse_rule(f'ALARM("{arn}") OR AT_LEAST(1, OK, (x, y)) AND NOT OK(x)')
    assert rule.references() == {arn, "x", "y"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "AlarmRule must not contain leading or trailing whitespace or be null"),
        (" TRUE", "AlarmRule must not contain leading or trailing whitespace or be null"),
        ("ALARM()", "AlarmRule has an unexpected 'ALARM()' at position 1"),
        ("TRUE TRUE", "AlarmRule has an unexpected 'TRUE' at position 6"),
        ("TRUE AND", "AlarmRule ends where an alarm is expected"),
        ("AND TRUE", "AlarmRule has an unexpected 'AND TRUE' at position 1"),
        ("(TRUE", "AlarmRule has a parenthesis that is not closed"),
        ("TRUE)", "AlarmRule has an unexpected ')' at position 5"),
        ("()", "AlarmRule has an unexpected ')' at position 2"),
        ("TRUE NOT FALSE", "AlarmRule has an unexpected 'NOT FALSE' at position 6"),
        ("BROKEN(a)", "AlarmRule has an unexpected 'BROKEN(a)' at position 1"),
        ("AT_LEAST(3, OK, (a, b))", "AT_LEAST cannot ask for 3 of 2 alarms"),
        ("AT_LEAST(0, OK, (a, b))", "AT_LEAST cannot ask for 0 of 2 alarms"),
        ("TRUE" + " OR TRUE" * 500, "AlarmRule must not have more than 500 elements"),
        (
            " OR ".join(f"ALARM(a{each})" for each in range(101)),
            "AlarmRule must not name more than 100 alarms",
        ),
        ("OK(" + "a" * 10_240 + ")", "AlarmRule must not be longer than 10240 characters"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(text: str, message: str) -> None:
    with pytest.raises(InvalidRuleError) as caught:
        parse_rule(text)
    assert str(caught.value) == message


def test_a_deep_rule_is_read_and_judged() -> None:
    text = "(" * 240 + "NOT " * 1_001 + "TRUE" + ")" * 240
    assert parse_rule(text).holds(STATES.__getitem__) is False


@pytest.mark.parametrize("unit", [" ", "a ", "a, ", '"a", ', "a,", '"'])
@pytest.mark.parametrize("start", ["ALARM(a", "AT_LEAST(1, OK, (a, "])
def test_a_rule_that_never_ends_is_refused_at_once(start: str, unit: str) -> None:
    text = start + unit * (10_000 // len(unit)) + "!"
    begun = time.process_time()
    with pytest.raises(InvalidRuleError):
        parse_rule(text)
    assert time.process_time() - begun < 0.25


def test_a_composite_alarm_tells_which_alarm_it_followed() -> None:
    arn = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:child"
    assert child_reason(arn, "ALARM", 1_795_831_800) == (
        f"{arn} transitioned to ALARM at Saturday 28 November, 2026 02:10:00 UTC"
    )
