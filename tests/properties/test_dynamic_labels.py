"""Whatever a label says, it is filled in; and what is not dynamic stays."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdad.model.dynamic_label import (
    UNTOLD,
    Viewpoint,
    check_label,
    fill_label,
    is_dynamic,
    parse_timezone,
)
from lambdad.model.metric import Metric
from lambdad.model.metric_math.values import Origin, Series

FIXED = settings(max_examples=300, derandomize=True, deadline=None)

VALUES = [
    *(f"{point}{what}" for point in ("MIN", "MAX", "FIRST", "LAST") for what in ("", "_TIME")),
    *(f"{point}_TIME_RELATIVE" for point in ("MIN", "MAX", "FIRST", "LAST")),
    *(f"{pair}{what}" for pair in ("MIN_MAX", "FIRST_LAST") for what in ("_RANGE", "_TIME_RANGE")),
    *("LABEL", "SUM", "AVG", "DATAPOINT_COUNT"),
    *(
        f"PROP('{name}')"
        for name in ("AccountId", "AccountLabel", "MetricName", "Namespace", "Period", "Region")
    ),
    *("PROP('Stat')", "PROP('Dim.Name')"),
]
pieces = st.sampled_from(["${", "}", "$", "{", "PROP('", "')", "Dim.", *VALUES]) | st.text(
    max_size=4
)
labels = st.lists(pieces, max_size=12).map("".join)
origins = st.none() | st.builds(
    Origin,
    st.builds(
        Metric, st.just("1"), st.just("r"), st.text(), st.text(), st.just((("Name", "${MAX}"),))
    ),
    st.text(),
)
points = st.dictionaries(
    st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False), max_size=5
)


@st.composite
def many_series(draw: st.DrawFn) -> Series:
    found = dict(sorted(draw(points).items()))
    period = draw(st.integers(1, 10**6))
    return Series(draw(st.text()), period, list(found), list(found.values()), draw(origins))


hours = st.integers(-1439, 1439).map(
    lambda minutes: f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"
)
viewpoints = st.builds(
    Viewpoint, st.just("1"), st.just("r"), st.floats(-1e15, 1e15), hours.map(parse_timezone)
)


@FIXED
@given(labels | st.text(), many_series(), viewpoints)
def test_any_label_is_filled_in(label: str, series: Series, viewpoint: Viewpoint) -> None:
    filled = fill_label(label, series, viewpoint)
    if not is_dynamic(label):
        assert filled == label


@FIXED
@given(st.text().filter(lambda text: "${" not in text), many_series(), viewpoints)
def test_text_without_anything_dynamic_stays(
    text: str, series: Series, viewpoint: Viewpoint
) -> None:
    check_label(text)
    assert fill_label(text, series, viewpoint) == text


@FIXED
@given(st.sampled_from(VALUES), many_series(), viewpoints, st.text(), st.text())
def test_what_stands_around_a_value_stays(
    name: str, series: Series, viewpoint: Viewpoint, before: str, after: str
) -> None:
    alone = fill_label(f"${{{name}}}", series, viewpoint)
    assert alone != f"${{{name}}}" or series.label == alone
    before = before.replace("$", "")
    assert fill_label(f"{before}${{{name}}}{after}", series, viewpoint).startswith(before + alone)
    if not series.times and name.startswith(("MIN", "MAX", "FIRST", "LAST")):
        assert alone == UNTOLD


@FIXED
@given(labels | st.text())
def test_a_label_is_refused_or_taken(label: str) -> None:
    with suppress(ValueError):
        check_label(label)


@FIXED
@given(st.text())
def test_any_time_zone_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        parse_timezone(text)
