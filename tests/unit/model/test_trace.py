"""Segments that are not to be trusted, and the traces that are made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.segment import InvalidSegment, parse_segment, read_segment, subsegments
from lambdad.model.trace import put_together, summarize

TRACE = "1-5759e988-bd862e3fe1be46a994272793"


def segment_id(number: int) -> str:
    return f"{number:016x}"


def document(number: int, **members: Any) -> str:
    usual = {"id": segment_id(number), "trace_id": TRACE, "name": "n", "start_time": number}
    return json.dumps({**usual, "end_time": number + 1, **members})


def subsegment(number: int, parent: int, **members: Any) -> str:
    return document(number, type="subsegment", parent_id=segment_id(parent), **members)


def put(*documents: str) -> Any:
    (trace,) = put_together([parse_segment(text) for text in documents])
    return trace


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", "[" * 50_000, '"x"'),
        *(document(1, id="x"), document(1, trace_id="x"), document(1, name="")),
        *(document(1, start_time="x"), document(1, end_time=True), document(1, end_time=1e300)),
        document(1, note="x" * 70_000),
    ],
)
def test_what_is_no_segment_is_refused(text: str) -> None:
    with pytest.raises(InvalidSegment):
        parse_segment(text)
    assert read_segment(text) is None


def test_subsegments_are_put_where_they_belong_however_they_come() -> None:
    trace = put(subsegment(3, 2), document(1), subsegment(2, 1), subsegment(3, 2, name="again"))
    (whole,) = trace.segments
    (second,) = whole.document["subsegments"]
    assert [each["name"] for each in second["subsegments"]] == ["again"]


def test_a_subsegment_without_its_segment_is_told_by_itself() -> None:
    assert [each.id for each in put(subsegment(2, 9), document(1)).segments] == [
        segment_id(1),
        segment_id(2),
    ]


def test_subsegments_in_a_circle_end_nothing() -> None:
    trace = put(subsegment(1, 2), subsegment(2, 1), subsegment(3, 3))
    assert trace.segments
    for each in trace.segments:
        list(subsegments(each.document))
        json.dumps(each.document)


def test_the_summary_is_of_all_of_it() -> None:
    trace = put(
        document(1, end_time=5, subsegments=[{"id": "a", "throttle": True}]),
        document(2, parent_id=segment_id(1), end_time=None, annotations={"a": 1, "b": [1]}),
    )
    told = summarize(trace)
    assert (told.has_throttle, told.has_fault, told.is_partial) == (True, False, True)
    assert (trace.duration, told.response_time, trace.root.id) == (4, 4, segment_id(1))
    assert told.annotations == {"a": {1: [("n", "")]}}


_ids = st.integers(1, 4)
_parts = st.one_of(
    st.builds(document, _ids, parent_id=_ids.map(segment_id)),
    st.builds(subsegment, _ids, _ids),
    st.builds(
        subsegment,
        _ids,
        _ids,
        subsegments=st.lists(
            st.one_of(st.none(), st.fixed_dictionaries({"id": _ids.map(segment_id)})), max_size=2
        ),
    ),
)


@given(st.lists(_parts, min_size=1, max_size=8))
def test_whatever_is_sent_makes_a_trace(texts: list[str]) -> None:
    trace = put(*texts)
    summarize(trace)
    json.dumps([each.document for each in trace.segments])
    assert trace.root in trace.segments
