"""Filter patterns of JSON messages."""

from __future__ import annotations

import pytest

from lambdad.model.filter_pattern import InvalidFilterPattern, parse_filter_pattern

TRAIL = """{"eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111",
  "arrayKey": ["value", "another value"],
  "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
  "SomeObject": null, "cluster.name": "c", "is_on": true, "is_off": false,
  "user": {"id": 1.0, "e-mail": "John.Doe@example.com"}, "bytes": 1534, "ratio": 1.5e-3,
  "code": "404", "text": "say \\"hi\\" *"}"""


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ("{ $.eventType = UpdateTrail }", True),
        ('{$.eventType="Update*"}', True),
        ('{ $.eventType = "*date*ail" }', True),
        ('{ $.eventType = "*Trail*Trail" }', False),
        ('{ $.eventType != "UpdateTrail" }', False),
        ('{ $.eventType != "Create*" }', True),
        ("{ $.eventType = %Trail% }", True),
        ("{ $.eventType = %^Trail% }", False),
        ("{ $.eventType != %[A-Z]reate% }", True),
        ("{ $.sourceIPAddress != 123.123.* }", True),
        ("{ $.sourceIPAddress = 111.111.* }", True),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[1] = "value" }', False),
        ('{ $.arrayKey[9] = "value" }', False),
        ('{ $.arrayKey[*] = "another value" }', True),
        ('{ $.arrayKey = "value" }', False),  # not of arrays
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $.objectList[*].id > 1 }", True),
        ("{ $.objectList[*].id > 2 }", False),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.eventType IS NULL }", False),
        ("{ $.missing IS NULL }", False),
        ("{ $.missing NOT EXISTS }", True),
        ("{ $.SomeObject NOT EXISTS }", False),
        ("{ $.is_on IS TRUE }", True),
        ("{ $.is_off IS TRUE }", False),
        ("{ $.is_off IS FALSE }", True),
        ("{ $.is_on = true }", True),
        ('{ $.missing != "x" }', False),  # nothing can be said of it
        ("{ $['cluster.name'] = c }", True),
        ("{ $.['cluster.name'] = c }", True),
        ('{ $["cluster.name"] = "d" }', False),
        ("{ $.user.id = 1 }", True),
        ("{ $.user.e-mail = John.Doe@example.com }", True),
        ("{ $.bytes >= 1534 && $.bytes <= 1.534e3 }", True),
        ("{ $.bytes = 15* }", True),
        ("{ $.bytes = * }", True),
        ("{ $.missing = * }", False),
        ("{ $.bytes < 1534 }", False),
        ("{ $.bytes = 1534.0 }", True),
        ("{ $.bytes != 1534.0 }", False),
        ("{ $.ratio = 0.0015 }", True),
        ("{ $.ratio > -1 }", True),
        ('{ $.code = "404" }', True),
        ("{ $.code = 404 }", True),
        ("{ $.code > 400 }", False),  # a text has no order
        (r'{ $.text = "say \"hi\" \*" }', True),
        ('{ ($.bytes = 1 || $.bytes = 1534) && $.eventType = "U*" }', True),
        ("{ $.bytes = 1534 || $.bytes = 1 && $.bytes = 2 }", True),  # && binds closer
        ("{ ($.bytes = 1534 || $.bytes = 1) && $.bytes = 2 }", False),
        ("{ (($.bytes = 1534)) }", True),
    ],
)
def test_pattern_lets_through(pattern: str, matches: bool) -> None:
    assert parse_filter_pattern(pattern).matches(TRAIL) is matches


@pytest.mark.parametrize("message", ["", "bytes 1", "[1]", '"bytes"', '{"bytes": 1} x', "{" * 9999])
def test_what_is_no_json_object_does_not_match(message: str) -> None:
    assert not parse_filter_pattern("{ $.bytes NOT EXISTS }").matches(message)


@pytest.mark.parametrize(
    "pattern",
    [
        *(
            "{",
            "{}",
            "{ $.a }",
            "{ $.a = }",
            "{ $.a = 1",
            "{ $.a = 1 } x",
            "{ $ = 1 }",
            "{ a = 1 }",
        ),
        *("{ $.a IS 1 }", "{ $.a EXISTS }", "{ $.a > x }", "{ $.a = 1 && }", "{ ($.a = 1 }"),
        *("{ $.a = 1 & $.b = 2 }", "{ $.a == 1 }", '{ $.a = "x }', "{ $.a[x] = 1 }"),
        *("{ $.a = % }", "{ $.a = 1 $.b = 2 }", "{ " + "(" * 999 + " $.a = 1 " + ")" * 999 + "}"),
    ],
)
def test_what_breaks_the_syntax_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidFilterPattern, match=r"Invalid .*"):
        parse_filter_pattern(pattern)


def test_values_of_the_selectors_are_extracted_as_they_are_written() -> None:
    pattern = parse_filter_pattern('{ $.eventType = "U*" && ($.bytes > 1 || $.none NOT EXISTS) }')
    found = pattern.extract(TRAIL, also=["$.ratio", "$.is_on", "$.user", "$.no", "no selector"])
    assert found == {
        "$.eventType": "UpdateTrail",
        "$.bytes": "1534",
        "$.ratio": "1.5e-3",
        "$.is_on": "true",
    }
    assert pattern.extract('{"eventType": "Create"}') is None


@pytest.mark.parametrize(
    ("pattern", "terms"),
    [
        ('{ $.level = "ERROR*/now" }', {"level", "ERROR", "now"}),
        ("{ $.a.b[0] = 5 }", {"a", "b"}),
        ('{ $.a = "x" && $.b != "y" }', {"a", "x", "b"}),
        ('{ $.a = "x" || $.a = "y" }', {"a"}),
        ("{ $.a NOT EXISTS }", set()),
        ("{ $.flag IS TRUE }", {"flag", "true"}),
        (r"{ $.path = %req-\d+/% }", {"path", "req-"}),
    ],
)
def test_required_terms_are_what_json_writes_as_it_is(pattern: str, terms: set[str]) -> None:
    assert parse_filter_pattern(pattern).required_terms() == terms
