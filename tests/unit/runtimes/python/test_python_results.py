"""Events and results, as bytes."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict, deque, namedtuple
from decimal import Decimal

import pytest
from lambdad_runtime.errors import Fault
from lambdad_runtime.marshalling import Marshaller

Point = namedtuple("Point", "x y")


class Colour(enum.IntEnum):
    RED = 1


class Word(str):
    pass


def circular():
    items: list[object] = []
    items.append(items)
    return items


def circular_and_unusual():
    items: list[object] = [Decimal(1)]
    items.append(items)
    return items


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "null"),
        ({"a": [1, 2.5, True, None, "x"]}, '{"a": [1, 2.5, true, null, "x"]}'),
        ((1, (2, 3)), "[1, [2, 3]]"),
        (Point(1, [Point(2, 3)]), '{"x": 1, "y": [{"x": 2, "y": 3}]}'),
        ([Decimal("1.10"), Decimal("1E+3"), Decimal("-Infinity")], "[1.10, 1E+3, -Infinity]"),
        ([Decimal("sNaN"), math.nan, -math.inf], "[NaN, NaN, -Infinity]"),
        ({"a": b"x", b"k": Word("w")}, '{"a": "x", "k": "w"}'),
        ({1: 1, 2.5: 2, None: 3, False: 4}, '{"1": 1, "2.5": 2, "null": 3, "false": 4}'),
        ({1: b"", 2.5: 2, None: 3, False: 4}, '{"1": "", "2.5": 2, "null": 3, "false": 4}'),
        ([Colour.RED, {Colour.RED: Decimal(1)}], '[1, {"1": 1}]'),
        (OrderedDict(b=1, a=Decimal(2)), '{"b": 1, "a": 2}'),
        ("\ud800", '"\\ud800"'),
        (2**70, "1180591620717411303424"),
    ],
)
def test_a_result_is_written_as_aws_writes_it(value, expected):
    assert Marshaller("AWS_Lambda_python3.12").marshal(value) == (
        expected.encode(),
        "application/json",
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1}, "Object of type set is not JSON serializable"),
        ([object()], "Object of type object is not JSON serializable"),
        (deque(), "Object of type deque is not JSON serializable"),
        (Point, "Object of type type is not JSON serializable"),
        ([bytearray(b"a")], "Object of type bytearray is not JSON serializable"),
        ({(1, 2): 3}, "keys must be str, int, float, bool or None, not tuple"),
        ({Decimal(1): 3}, "keys must be str, int, float, bool or None, not Decimal"),
        ([b"\xff"], "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (circular(), "Circular reference detected"),
        (circular_and_unusual(), "Circular reference detected"),
    ],
)
def test_a_result_that_json_cannot_say_is_a_fault(value, message):
    with pytest.raises(Fault) as raised:
        Marshaller("AWS_Lambda_python3.12").marshal(value)

    assert raised.value.error_type == "Runtime.MarshalError"
    assert raised.value.message == f"Unable to marshal response: {message}"


def test_text_is_escaped_before_python_3_12_and_not_after():
    assert Marshaller("AWS_Lambda_python3.11").marshal("é😀\x7f")[0] == (
        b'"\\u00e9\\ud83d\\ude00\\u007f"'
    )
    assert Marshaller("AWS_Lambda_python3.12").marshal("é😀\x7f")[0] == '"é😀\x7f"'.encode()
    assert Marshaller("AWS_Lambda_python3.14").marshal(["é", b"\xc3\xa9"])[0] == (
        '["é", "é"]'.encode()
    )


def test_bytes_are_passed_as_they_are():
    assert Marshaller("").marshal(b"\x00raw") == (b"\x00raw", "application/unknown")


def test_only_json_events_are_parsed():
    marshaller = Marshaller("")

    assert marshaller.unmarshal(b'{"a": 1}', "application/json") == {"a": 1}
    assert marshaller.unmarshal(b"\xef\xbb\xbf1", "application/json") == 1
    assert marshaller.unmarshal(b"\xff", "application/octet-stream") == b"\xff"


def test_an_event_that_is_not_json_is_a_fault():
    with pytest.raises(Fault) as raised:
        Marshaller("").unmarshal(b"", "application/json")

    assert raised.value.error_type == "Runtime.UnmarshalError"
    assert raised.value.message == (
        "Unable to unmarshal input: Expecting value: line 1 column 1 (char 0)"
    )
