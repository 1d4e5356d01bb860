"""Segments that are not to be trusted, and the traces that are made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.segment import InvalidSegment, parse_segment, read_segment, subsegments
from lambdad.model.trace import DEEPEST, LARGEST, TooManySegments, put_together, summarize

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
        *(document(1, note="x" * 70_000), document(1, note="ä" * 11_000)),
        *(document(1, note=float("nan")), document(1, note=float("-inf"))),
        document(1).replace('"n"', '"n", "note": 1e999'),
        document(1).replace('"n"', f'"n", "note": {"[" * 200}{"]" * 200}'),
        document(1).replace("n", "\ud800"),
    ],
)
def test_what_is_no_segment_is_refused(text: str) -> None:
    with pytest.raises(InvalidSegment):
        parse_segment(text)
    assert read_segment(text) is None


def test_half_a_character_is_none() -> None:
    text = document(1, name="\ud83d\ude00 \ud83d", note="\\ud83d")
    segment = parse_segment(text)
    assert segment.name == "\U0001f600 ?"
    assert segment.document["note"] == "\\ud83d"
    assert json.loads(json.dumps(segment.document, ensure_ascii=False).encode())


def test_a_document_is_nested_as_deep_as_it_likes_up_to_a_bound() -> None:
    nested = f"{'[' * 199}{']' * 199}"
    assert parse_segment(document(1).replace('"n"', f'"n", "note": {nested}'))
    assert parse_segment(document(1, notes=[[]] * 300))


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


def test_a_subsegment_that_comes_again_is_there_once() -> None:
    early = {"id": segment_id(3), "name": "early", "subsegments": [{"id": segment_id(4)}]}
    trace = put(document(1, subsegments=[early, {"id": []}, "x"]), subsegment(3, 1, name="late"))
    (whole,) = trace.segments
    assert [each.get("name") for each in whole.document["subsegments"]] == [None, "late"]


@pytest.mark.parametrize("is_child_first", [False, True])
def test_a_long_way_down_is_told_in_pieces(is_child_first: bool) -> None:
    # Given
    last = 25 * DEEPEST
    chain = [document(1), *(subsegment(number, number - 1) for number in range(2, last + 1))]
    # When
    trace = put(*(reversed(chain) if is_child_first else chain))
    # Then each can be told as JSON, and nothing is missing
    found = []
    for whole in trace.segments:
        assert json.dumps(whole.document)
        found += [whole.document["id"], *(each["id"] for each in subsegments(whole.document))]
    assert sorted(found) == [segment_id(number) for number in range(1, last + 1)]
    assert len(trace.segments) == 25


def test_of_a_large_trace_the_first_part_is_kept() -> None:
    texts = [subsegment(number, 1, note="x" * 60_000) for number in range(2, 102)]
    trace = put(document(1), *texts)
    (whole,) = trace.segments
    assert trace.is_cut
    assert 0 < len(whole.document["subsegments"]) * 60_000 < LARGEST
    assert not put(document(1)).is_cut


def test_more_than_is_asked_for_is_not_put_together() -> None:
    segments = [parse_segment(document(number)) for number in range(10)]
    size = sum(segment.size for segment in segments)
    assert put_together(segments, size)
    with pytest.raises(TooManySegments):
        put_together(segments, size - 1)


def test_numbers_that_only_python_has_are_no_annotations() -> None:
    told = summarize(put(document(1, annotations={"a": 10**400, "b": -(10**400), "c": 10**300})))
    assert set(told.annotations) == {"c"}


def test_the_summary_is_of_all_of_it() -> None:
    trace = put(
        document(1, end_time=5, subsegments=[{"id": "a", "throttle": True}]),
        document(2, parent_id=segment_id(1), end_time=None, annotations={"a": 1, "b": [1]}),
    )
    told = summarize(trace)
    assert (told.has_throttle, told.has_fault, told.is_partial) == (True, False, True)
    assert (trace.duration, told.response_time, trace.root.id) == (4, 4, segment_id(1))
    assert told.annotations == {"a": {1: {("n", ""): None}}}


def test_who_has_a_user_or_an_annotation_is_told_once() -> None:
    parts = [document(number, user="ann", annotations={"a": 1}) for number in range(3)]
    told = summarize(put(*parts, document(4, name="m", user="ann")))
    assert list(told.users["ann"]) == [("n", ""), ("m", "")]
    assert list(told.annotations["a"][1]) == [("n", "")]


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


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_members = st.sampled_from(
    ["annotations", "http", "user", "origin", "subsegments", "fault", "type", "parent_id", "name"]
)


@given(st.dictionaries(_members, _anything))
def test_whatever_is_in_a_segment_is_told_or_refused(members: dict[str, Any]) -> None:
    segment = read_segment(document(1, **members))
    if segment is not None:
        (trace,) = put_together([segment])
        told = summarize(trace)
        json.dumps(segment.document, ensure_ascii=False, allow_nan=False).encode()
        for values in told.annotations.values():
            assert [isinstance(value, str) or float(value) for value in values]


@given(st.lists(_parts, min_size=1, max_size=8))
def test_whatever_is_sent_makes_a_trace(texts: list[str]) -> None:
    trace = put(*texts)
    summarize(trace)
    json.dumps([each.document for each in trace.segments])
    assert trace.root in trace.segments
