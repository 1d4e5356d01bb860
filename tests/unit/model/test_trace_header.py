"""The trace header: read from whatever is sent, written in one form."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.trace_header import (
    HIGHEST_COUNT,
    LONGEST_READ,
    MOST_FUNCTIONS,
    TraceHeader,
    begin_trace,
    next_hop,
    parse_trace_header,
)

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PARENT = "53995c3f42cd8ad8"
FORM = re.compile(
    r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}(;Parent=[0-9a-f]{16})?(;Sampled=[01])?"
    r"(;Lineage=[0-9a-f]{8}:[0-9]{1,3}(\|[0-9a-f]{8}:[0-9]{1,3})*)?",
    re.IGNORECASE | re.ASCII,
)

counted = st.tuples(
    st.text("0123456789abcdef", min_size=8, max_size=8), st.integers(0, HIGHEST_COUNT)
)
headers = st.builds(
    TraceHeader,
    st.just(ROOT),
    st.sampled_from(["", PARENT]),
    st.sampled_from([None, False, True]),
    st.lists(counted, max_size=MOST_FUNCTIONS).map(tuple),
)
pieces = st.sampled_from(
    [
        *(f"Root={ROOT}", f"Parent={PARENT}", "Sampled=1", "Sampled=?", "Lineage=a87bd80c:1"),
        *("|", ";", "=", "%7C", "%0d%0a", "\r\nx: y", " ", "Self=1"),
        *("a87bd80c:٣", "a87bd80c:1000"),
    ]
)


@given(headers)
def test_what_is_written_is_read_again(header: TraceHeader) -> None:
    assert parse_trace_header(str(header)) == header
    assert parse_trace_header(str(header).replace("|", "%7C")) == header
    assert len(str(header)) < LONGEST_READ / 2


@given(
    st.one_of(st.text(max_size=2000), st.lists(pieces).map(";".join), st.lists(pieces).map("".join))
)
def test_whatever_is_sent_only_the_one_form_is_passed_on(text: str) -> None:
    header = parse_trace_header(text)
    assert header is None or FORM.fullmatch(str(header))


@pytest.mark.parametrize(
    ("text", "header"),
    [
        (f"Root={ROOT}", TraceHeader(ROOT)),
        (f"root={ROOT}; sampled=1", TraceHeader(ROOT, sampled=True)),
        (f"Sampled=0;Self=x;Parent={PARENT};Root={ROOT}", TraceHeader(ROOT, PARENT, False)),
        (f"Root={ROOT};Sampled=?;Parent=x;Lineage=y", TraceHeader(ROOT)),
        (f"Root={ROOT};Root=x;Sampled=1;Sampled=0", TraceHeader(ROOT, sampled=True)),
        (f"Root={ROOT};Lineage=x|a87bd80c:1|:|b:1", TraceHeader(ROOT, lineage=(("a87bd80c", 1),))),
        (f"Root={ROOT};Lineage=a87bd80c:-1|a87bd80c:1000", TraceHeader(ROOT)),
    ],
)
def test_what_is_malformed_counts_as_absent(text: str, header: TraceHeader) -> None:
    assert parse_trace_header(text) == header


@pytest.mark.parametrize(
    "text",
    [
        "",
        ROOT,
        "Root=",
        f"Root={ROOT}\r\nx: y",
        f"Root={ROOT[:-1]}",
        f"Root={ROOT.replace('1-', '2-', 1)}",
        f"Sampled=1;Parent={PARENT}",
        f"Root={ROOT};" + "x" * LONGEST_READ,
        ";" * 20 + f"Root={ROOT}",
    ],
)
def test_without_a_root_there_is_none(text: str) -> None:
    assert parse_trace_header(text) is None


def test_a_request_without_one_gets_one() -> None:
    text = begin_trace(0x5759E988 + 0.5, bytes(range(20)))
    root = "1-5759e988-000102030405060708090a0b"
    assert text == f"Root={root};Parent=0c0d0e0f10111213;Sampled=0"
    assert parse_trace_header(text) == TraceHeader(root, "0c0d0e0f10111213", False)
    assert begin_trace(0, bytes(20), is_sampled=True).endswith(";Sampled=1")


@pytest.mark.parametrize("is_sampled", [False, True])
def test_the_next_hop_is_another_step_of_the_same_request(is_sampled: bool) -> None:
    before = TraceHeader(ROOT, PARENT, None, (("a87bd80c", 1),))
    after = next_hop(before, b"12345678", is_sampled=is_sampled)
    assert after == TraceHeader(ROOT, "3132333435363738", is_sampled, before.lineage)
