"""Loops are found by the lineage of the trace header."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.recursion import MOST_INVOCATIONS, count_hop, is_loop
from lambdad.model.trace_header import (
    HIGHEST_COUNT,
    MOST_FUNCTIONS,
    TraceHeader,
    parse_trace_header,
)

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
PLAIN = TraceHeader(ROOT, "53995c3f42cd8ad8", False)

forged = st.lists(
    st.tuples(st.text("0123456789abcdef", min_size=8, max_size=8), st.integers(0, HIGHEST_COUNT)),
    max_size=MOST_FUNCTIONS,
).map(lambda lineage: TraceHeader(ROOT, lineage=tuple(lineage)))


def arn(number: int, account_id: str = "123456789012") -> str:
    return f"arn:aws:lambda:eu-central-1:{account_id}:function:f{number}"


def walk(header: TraceHeader, functions: list[int], limit: int) -> int:
    """Invoke these functions in turn, as often; return how many invocations ran."""
    for ran in range(limit):
        function = arn(functions[ran % len(functions)])
        passed_on = parse_trace_header(str(count_hop(header, function)))
        assert passed_on is not None
        if is_loop(passed_on, function):
            return ran
        header = passed_on
    return limit


def test_a_function_that_invokes_itself_is_stopped() -> None:
    assert walk(PLAIN, [1], 100) == MOST_INVOCATIONS


def test_functions_that_invoke_each_other_are_stopped() -> None:
    assert walk(PLAIN, [1, 2, 3], 100) == 3 * MOST_INVOCATIONS


def test_a_long_way_that_comes_back_nowhere_is_no_loop() -> None:
    assert walk(PLAIN, list(range(500)), 500) == 500


@given(forged, st.integers(1, MOST_FUNCTIONS))
def test_no_forged_lineage_hides_a_loop(header: TraceHeader, length: int) -> None:
    most = length * MOST_INVOCATIONS
    assert walk(header, list(range(length)), 2 * most) <= most


@given(forged)
def test_a_lineage_stays_bounded(header: TraceHeader) -> None:
    for number in range(3):
        header = count_hop(header, arn(number))
    assert len(header.lineage) <= MOST_FUNCTIONS
    assert all(count <= HIGHEST_COUNT for _, count in header.lineage)
    assert parse_trace_header(str(header)) == header


def test_the_count_goes_on_where_loops_are_allowed() -> None:
    header = PLAIN
    for _ in range(HIGHEST_COUNT + 10):
        header = count_hop(header, arn(1))
    assert [count for _, count in header.lineage] == [HIGHEST_COUNT]
    assert is_loop(header, arn(1))


def test_only_what_was_counted_is_stopped() -> None:
    header = PLAIN
    for _ in range(MOST_INVOCATIONS + 1):
        assert not is_loop(header, arn(1))
        header = count_hop(header, arn(1))
    assert is_loop(header, arn(1))
    assert not is_loop(header, arn(2))
    assert not is_loop(header, arn(1, account_id="222222222222"))
