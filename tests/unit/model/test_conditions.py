"""Conditions of policies: each operator, missing keys, several values."""

from __future__ import annotations

from typing import Any

import pytest

from lambdad.model.conditions import are_met, parse_operator

CONTEXT = {
    "aws:sourcearn": ("arn:aws:s3:eu-central-1:123456789012:bucket/a:b",),
    "aws:sourceip": ("10.1.2.3",),
    "aws:currenttime": ("2026-01-02T03:04:05Z",),
    "aws:securetransport": ("true",),
    "aws:username": ("ann",),
    "n": ("5",),
    "tags": ("red", "blue"),
    "none": (),
    "bytes": ("YWJj",),
}


def met(operator: str, key: str, values: Any) -> bool:
    return are_met({operator: {key: values}}, CONTEXT, CONTEXT)


@pytest.mark.parametrize(
    ("operator", "key", "values"),
    [
        ("StringEquals", "aws:username", "ann"),
        ("StringEquals", "AWS:UserName", ["bob", "ann"]),
        ("stringequals", "aws:username", "${aws:username}"),
        ("StringNotEquals", "aws:username", ["bob", "eve"]),
        ("StringEqualsIgnoreCase", "aws:username", "ANN"),
        ("StringNotEqualsIgnoreCase", "aws:username", "bob"),
        ("StringLike", "aws:username", "a*"),
        ("StringNotLike", "aws:username", "b*"),
        ("ArnEquals", "aws:SourceArn", "arn:aws:s3:*:123456789012:bucket/*"),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:*:*:*"),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:eu-central-?:123456789012:bucket/a:b"),
        ("ArnNotLike", "aws:SourceArn", "arn:aws:sqs:*:*:*"),
        ("ArnNotEquals", "aws:SourceArn", "arn:*"),
        ("NumericEquals", "n", 5),
        ("NumericEquals", "n", "5.0"),
        ("NumericNotEquals", "n", 6),
        ("NumericLessThan", "n", "5.5"),
        ("NumericLessThanEquals", "n", "5"),
        ("NumericGreaterThan", "n", "4"),
        ("NumericGreaterThanEquals", "n", 5),
        ("DateEquals", "aws:CurrentTime", "2026-01-02T04:04:05+01:00"),
        ("DateLessThan", "aws:CurrentTime", "2026-01-03"),
        ("DateGreaterThanEquals", "aws:CurrentTime", 1_767_323_045),
        ("DateNotEquals", "aws:CurrentTime", "2026-01-03T00:00:00Z"),
        ("Bool", "aws:SecureTransport", True),
        ("Bool", "aws:SecureTransport", "TRUE"),
        ("BinaryEquals", "bytes", "YWJj"),
        ("IpAddress", "aws:SourceIp", ["192.168.0.0/16", "10.0.0.0/8"]),
        ("IpAddress", "aws:SourceIp", "10.1.2.3"),
        ("NotIpAddress", "aws:SourceIp", "2001:db8::/32"),
        ("Null", "aws:username", "false"),
        ("Null", "absent", "true"),
        ("Null", "none", True),
        ("StringNotEquals", "absent", "x"),
        ("StringEqualsIfExists", "absent", "x"),
        ("BoolIfExists", "aws:SecureTransport", "true"),
        ("ForAnyValue:StringEquals", "tags", ["green", "red"]),
        ("ForAnyValue:StringNotEquals", "tags", ["red"]),
        ("ForAnyValue:StringEqualsIfExists", "absent", "x"),
        ("ForAllValues:StringEquals", "tags", ["blue", "green", "red"]),
        ("ForAllValues:StringLike", "absent", "x"),
        ("ForAllValues:StringNotEquals", "tags", ["green"]),
        ("StringEquals", "tags", "red"),
        ("StringNotEquals", "tags", "green"),
    ],
)
def test_a_condition_that_is_met(operator: str, key: str, values: Any) -> None:
    assert met(operator, key, values)


@pytest.mark.parametrize(
    ("operator", "key", "values"),
    [
        ("StringEquals", "aws:username", "Ann"),
        ("StringEquals", "aws:username", "a*"),
        ("StringEquals", "aws:username", []),
        ("StringEquals", "absent", "x"),
        ("StringEquals", "none", "x"),
        ("StringNotEquals", "aws:username", ["bob", "ann"]),
        ("StringLike", "aws:username", "${aws:absent}"),
        ("ArnLike", "aws:SourceArn", "arn:aws:s3:*"),
        ("ArnLike", "aws:SourceArn", "arn:*:123456789012:bucket/*"),
        ("ArnLike", "aws:username", "*"),
        ("NumericEquals", "aws:username", "ann"),
        ("NumericEquals", "n", "five"),
        ("NumericLessThan", "n", "nan"),
        ("DateLessThan", "aws:CurrentTime", "yesterday"),
        ("Bool", "aws:SecureTransport", "yes"),
        ("Bool", "aws:SecureTransport", "false"),
        ("BinaryEquals", "bytes", "not base64"),
        ("IpAddress", "aws:SourceIp", "everywhere"),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"),
        ("Null", "aws:username", "true"),
        ("Null", "absent", "false"),
        ("StringEqualsIfExists", "aws:username", "bob"),
        ("ForAnyValue:StringEquals", "absent", "x"),
        ("ForAnyValue:StringNotEquals", "absent", "x"),
        ("ForAnyValue:StringNotEquals", "tags", ["red", "blue"]),
        ("ForAllValues:StringEquals", "tags", ["red"]),
        ("ForAllValues:StringNotEquals", "tags", ["red"]),
        ("StringNotEquals", "tags", "red"),
        ("StringIsNice", "aws:username", "ann"),
        ("StringNotEquals", "aws:username", {"not": "readable"}),
    ],
)
def test_a_condition_that_is_not_met(operator: str, key: str, values: Any) -> None:
    assert not met(operator, key, values)


def test_every_operator_and_every_key_must_be_met() -> None:
    both = {"StringEquals": {"aws:username": "ann"}, "NumericEquals": {"n": 5}}
    assert are_met(both, CONTEXT, None)
    assert are_met({}, CONTEXT, None)
    assert not are_met({**both, "Bool": {"aws:SecureTransport": "false"}}, CONTEXT, None)
    assert not are_met({"StringEquals": {"aws:username": "ann", "n": "6"}}, CONTEXT, None)


@pytest.mark.parametrize("block", [None, [], "StringEquals", {"StringEquals": []}, {"Null": 1}])
def test_a_block_that_cannot_be_read_is_never_met(block: Any) -> None:
    assert not are_met(block, CONTEXT, CONTEXT)


@pytest.mark.parametrize(
    "name", ["", "Null:StringEquals", "NullIfExists", "ForAnyValue:Null", "IfExists", "BoolNot", 5]
)
def test_what_is_no_operator(name: Any) -> None:
    assert parse_operator(name) is None
