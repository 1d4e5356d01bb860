"""The function of the suite of all languages does here what it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripted_api import REQUEST_ID, event

FUNCTION = (Path(__file__).parents[3] / "functions/ruby/app.rb").read_text()

DEEDS = {
    "echo": ({"value": {"a": ["ë", None]}}, {"a": ["ë", None]}),
    "count": ({}, 1),
    "environment": ({"names": ["NAME", "NOTHING"]}, {"NAME": "Zoë", "NOTHING": None}),
    "big": ({"size": 5}, "xxxxx"),
    "size": ({"text": "Zoë"}, 3),
    "sleep": ({"ms": 1}, "slept"),
    "allocate": ({"mb": 16}, "held"),
    "print": ({"lines": ["a", "b"]}, "printed"),
    "log": ({"level": "WARN", "message": "x"}, "logged"),
    "clock": ({}, {"zone": "UTC", "hour_offset": 0}),
    "text": ({"text": "Zoë"}, {"encoding": "UTF-8", "length": 3}),
    "resolve": ({"host": "127.0.0.1"}, "127.0.0.1"),
    "child": ({}, "Zoë"),
    "sigterm": ({}, "ready"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_it_does_what_its_event_says(run_ruby, deed):
    more, expected = DEEDS[deed]
    variables = {"NAME": "Zoë", "TZ": ":UTC"}
    outcome = run_ruby(FUNCTION, [event({"do": deed, **more})], variables=variables)
    assert outcome.results() == [expected], outcome.text


def test_it_tells_its_context(run_ruby):
    (told,) = run_ruby(FUNCTION, [event({"do": "context"})]).results()
    assert told["request_id"] == REQUEST_ID
    assert None not in told.values()


def test_it_writes_where_it_may_and_counts_what_it_trusts(run_ruby):
    events = [event({"do": "files"}), event({"do": "tls"})]
    files, authorities = run_ruby(FUNCTION, events).results()
    assert files == {"tmp": True, "task": None}  # outside of a sandbox it may write everywhere
    assert authorities >= 0


def test_it_fails_in_every_way(run_ruby):
    events = [
        event({"do": "fail", "message": "Zoë"}),
        event({"do": "custom", "message": "no"}),
        event({"do": "unserializable"}),
        event({"do": "exit", "status": 7}),
    ]
    outcome = run_ruby(FUNCTION, events)
    assert [post.json["errorType"] for post in outcome.posts] == [
        "Function<ArgumentError>",
        "Function<NoSuchLuck>",
        "Function<JSON::GeneratorError>",
    ]
    assert "troublemaker" in outcome.posts[0].json["stackTrace"][0]
    assert outcome.status == 7
