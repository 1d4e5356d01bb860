"""JSON as objects of the function's classes, and objects as JSON."""

from __future__ import annotations

import pytest
from java_under_test import compile_function
from scripted_api import event

ORDER = {
    "name": "ë",
    "count": 3,
    "large": 2**40,
    "ratio": 0.25,
    "isPublic": True,
    "color": "GREEN",
    "parts": [{"name": "a"}, {"name": "b"}],
    "byName": {"x": {"name": "y"}},
    "byColor": {"RED": 1},
    "numbers": [1, 2],
    "array": [{"name": "c"}],
    "box": {"content": [{"name": "d"}]},
    "price": 12345678901234567890.125,
    "huge": 2**80,
    "bytes": "AAEC",
    "letter": "q",
    "note": "n",
    "id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "date": 1700000000123,
    "instant": 1700000000.5,
    "day": "2026-02-03",
}


def test_properties_of_many_types_come_and_go(run_java):
    (answer,) = run_java("example.Objects$Orders", [event(ORDER)]).results()

    assert answer.pop("URL") == "u"
    assert answer.pop("ready") is True
    assert answer == ORDER


def test_what_is_missing_is_left_out_or_zero(run_java):
    given = {"name": None, "count": None, "parts": {"name": "alone"}, "unknown": 1, "box": ""}
    given["color"] = "NO SUCH COLOR"
    (answer,) = run_java("example.Objects$Orders", [event(given)]).results()

    assert answer == {
        "URL": "u", "ready": True, "count": 0, "large": 0, "ratio": 0.0, "isPublic": False,
        "letter": "\0", "parts": [{"name": "alone"}],
    }  # fmt: skip


def test_a_primitive_property_of_null_is_zero_whatever_it_was(run_java):
    events = [event({"size": given}) for given in (None, "", 7)]
    assert run_java("example.Objects::size", [*events, event({})]).results() == [0, 0, 7, 5]


def test_text_becomes_numbers_and_numbers_become_text(run_java):
    given = {"count": "7", "ratio": "1.5", "name": 5, "isPublic": "true", "numbers": ["1", 2.9]}
    (answer,) = run_java("example.Objects$Orders", [event(given)]).results()
    assert (answer["count"], answer["ratio"], answer["name"]) == (7, 1.5, "5")
    assert answer["isPublic"] is True
    assert answer["numbers"] == [1, 2]


def test_times_are_read_from_text_too(run_java):
    given = {"date": "2023-11-14T22:13:20+0000", "instant": "2023-11-14T22:13:20Z"}
    (answer,) = run_java("example.Objects$Orders", [event(given)]).results()
    assert answer["date"] == 1700000000000
    assert answer["instant"] == 1700000000


def test_type_variables_are_what_the_handler_says(run_java):
    outcome = run_java("example.Objects::elementType", [event({"content": [{"name": "x"}]})])
    assert outcome.results() == ["Named"]


def test_events_of_aws_have_names_and_times_of_their_own(run_java):
    given = {
        "eventSourceARN": "arn",
        "detail-type": "type",
        "Arrival": 1700000000.5,
        "Parts": [{"key": "k", "size": 1}, {"Size": 2}],
    }
    assert run_java("example.Objects::note", [event(given)]).results() == [
        {
            "eventSourceArn": "arn",
            "detailType": "type",
            "arrival": 1700000000500,
            "parts": [{"key": "k", "size": 1}, {"size": 2}],
        }
    ]


RECORDS = """
package example;
import java.util.List;
public class Records {
    public record Point(int x, int y) {}
    public record Path<T>(String name, List<T> points, long length) {}
    public Path<Point> handle(Path<Point> path) {
        return new Path<>(path.name(), path.points(), path.points().get(0).y());
    }
}
"""


def test_records_come_and_go(run_java, jdk, tmp_path):
    if int(jdk.name.removeprefix("java")) < 16:
        pytest.skip("this Java has no records")
    source = tmp_path / "Records.java"
    source.write_text(RECORDS)
    compile_function(jdk, [source], tmp_path / "classes", [])
    given = event({"name": "ë", "points": [{"x": 1, "y": 2}, {"x": 3}], "unknown": 1})
    variables = {"LAMBDA_TASK_ROOT": str(tmp_path / "classes")}
    outcome = run_java("example.Records::handle", [given], overrides=variables)
    points = [{"x": 1, "y": 2}, {"x": 3, "y": 0}]
    assert outcome.results() == [{"name": "ë", "points": points, "length": 2}]


def test_numbers_that_json_does_not_have_are_text(run_java):
    assert run_java("example.Objects::notNumbers", [event()]).results() == [
        ["NaN", "Infinity", 1.5]
    ]


# What is the least and the most of each type.
EDGES = {
    "Byte": (-(2**7), 2**8 - 1),
    "Short": (-(2**15), 2**15 - 1),
    "Character": (0, 2**16 - 1),
    "Integer": (-(2**31), 2**31 - 1),
    "Long": (-(2**63), 2**63 - 1),
}


@pytest.mark.parametrize(("kind", "edges"), EDGES.items(), ids=EDGES)
def test_numbers_that_fit_are_taken_with_their_fraction_cut_off(run_java, kind, edges):
    least, most = edges
    texts = [str(least), f"{least}.5", str(most), f"{most}.5"]
    outcome = run_java(f"example.Signatures::of{kind}", [event(body=t.encode()) for t in texts])
    signed = -1 if kind == "Byte" else most
    assert outcome.results() == [least, least, signed, signed]


@pytest.mark.parametrize(("kind", "edges"), EDGES.items(), ids=EDGES)
def test_numbers_that_do_not_fit_are_refused(run_java, kind, edges):
    least, most = edges
    texts = [str(least - 1), f"{least - 1}.0", str(most + 1), f"{most + 1}.5", "1e400"]
    outcome = run_java(f"example.Signatures::of{kind}", [event(body=t.encode()) for t in texts])
    causes = [post.json["cause"]["errorMessage"] for post in outcome.posts]
    assert len(causes) == len(texts)
    assert all(cause.startswith("Cannot make java.lang.") for cause in causes)


@pytest.mark.parametrize("kind", ["Date", "Instant"])
def test_times_that_are_too_far_away_are_refused(run_java, kind):
    texts = [str(2**64), "1e19", "1e400"]
    outcome = run_java(f"example.Signatures::of{kind}", [event(body=t.encode()) for t in texts])
    causes = [post.json["cause"]["errorMessage"] for post in outcome.posts]
    assert len(causes) == len(texts)
    assert all(cause.startswith("Cannot make java.") for cause in causes)


@pytest.mark.parametrize("text", [b"1e99999999", b"-1E-99999999", b'"1e99999999"'])
@pytest.mark.parametrize("kind", ["BigInteger", "Instant", "Date"])
def test_exponents_that_would_take_for_ever_are_refused(run_java, kind, text):
    given = [event(body=text)]
    error = run_java(f"example.Signatures::of{kind}", given).post.json
    assert error["errorMessage"] == "An error occurred during JSON parsing"


def test_large_exponents_are_numbers(run_java):
    given = [event(body=b"1e1000"), event(body=b'"1e1000"')]
    outcome = run_java("example.Signatures::ofBigInteger", given)
    assert outcome.results() == [10**1000] * 2
