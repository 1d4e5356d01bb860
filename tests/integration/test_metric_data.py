"""As a developer I ask for many metrics at once, and for what is computed from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdad.testing.server import LocalServer
from support.clients import make_client

pytestmark = pytest.mark.slow

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
MINUTES = 10


@pytest.fixture
def cloudwatch(server: LocalServer) -> Iterator[Any]:
    """Requests are 0, 1, 2, … in each of the last minutes, errors half of that every other one. To
    put the same again changes no average."""
    client = make_client("cloudwatch", server.url)
    data = []
    for minute in range(MINUTES):
        at = NOW - timedelta(minutes=MINUTES - minute)
        data.append({"MetricName": "Requests", "Value": minute, "Timestamp": at})
        if minute % 2 == 0:
            data.append({"MetricName": "Errors", "Value": minute / 2, "Timestamp": at})
    client.put_metric_data(Namespace="Math", MetricData=data)
    yield client
    client.close()


def metric(id: str, name: str, **changes: Any) -> dict[str, Any]:
    stat = {"Metric": {"Namespace": "Math", "MetricName": name}, "Period": 60, "Stat": "Average"}
    return {"Id": id, "MetricStat": {**stat, **changes}}


def ask(client: Any, *queries: dict[str, Any], **more: Any) -> dict[str, list[float]]:
    pages = client.get_paginator("get_metric_data").paginate(
        MetricDataQueries=list(queries),
        StartTime=NOW - timedelta(minutes=MINUTES),
        EndTime=NOW,
        **{"ScanBy": "TimestampAscending", **more},
    )
    found: dict[str, list[float]] = {}
    for page in pages:
        for result in page["MetricDataResults"]:
            found.setdefault(result["Label"], []).extend(result["Values"])
    return found


def test_metrics_are_told_period_by_period(cloudwatch: Any) -> None:
    found = ask(cloudwatch, metric("m1", "Requests"), metric("m2", "Errors"))
    assert found == {"Requests": [float(n) for n in range(10)], "Errors": [0.0, 1, 2, 3, 4]}
    newest_first = ask(cloudwatch, metric("m1", "Requests"), ScanBy="TimestampDescending")
    assert newest_first["Requests"] == [float(n) for n in reversed(range(10))]


def test_pages_are_as_small_as_they_are_asked_for(cloudwatch: Any) -> None:
    found = ask(cloudwatch, metric("m1", "Requests"), metric("m2", "Errors"), MaxDatapoints=4)
    assert found == {"Requests": [float(n) for n in range(10)], "Errors": [0.0, 1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m1 * 2 + 1", [2.0 * n + 1 for n in range(10)]),
        ("m1 + m2", [1.5 * n for n in range(0, 10, 2)]),
        ("m1 + FILL(m2, 0)", [n * 1.5 if n % 2 == 0 else n for n in range(10)]),
        ("RATE(m1)", [1 / 60] * 9),
        ("IF(m1 > 6, m1)", [7.0, 8.0, 9.0]),
        ("SUM(METRICS())", [n * 1.5 if n % 2 == 0 else float(n) for n in range(10)]),
        ("m1 / PERIOD(m1)", [n / 60 for n in range(10)]),
        ("MAX(m1) - MIN(m1)", [9.0] * 10),
        (
            "SUM(SEARCH('{Math} MetricName=\"Requests\"', 'Average', 60))",
            [float(n) for n in range(10)],
        ),
    ],
)
def test_expressions_are_computed(cloudwatch: Any, expression: str, expected: list[float]) -> None:
    hidden = [{**metric(id, name), "ReturnData": False} for id, name in MATH]
    found = ask(cloudwatch, *hidden, {"Id": "e1", "Expression": expression, "Label": "it"})
    assert found["it"] == pytest.approx(expected)


MATH = (("m1", "Requests"), ("m2", "Errors"))


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"Id": "e1", "Expression": "m1 +"}, "Error in expression 'e1'"),
        ({"Id": "e1", "Expression": "nothing"}, "Error in expression 'e1'"),
        ({"Id": "e1", "Expression": "e1 + 1"}, "Error in expression 'e1'"),
        ({"Id": "E1", "Expression": "1"}, "lower-case"),
        ({"Id": "e1"}, "Exactly one"),
        (metric("m1", "Requests", Stat="median"), "not supported"),
        (metric("m1", "Requests", Period=61), "multiple of 60"),
    ],
)
def test_what_cannot_be_computed_is_refused(
    cloudwatch: Any, query: dict[str, Any], says: str
) -> None:
    with pytest.raises(ClientError, match=says):
        ask(cloudwatch, query)


def test_labels_tell_of_their_series(cloudwatch: Any) -> None:
    last = (NOW - timedelta(minutes=1)).astimezone(timezone(timedelta(hours=5, minutes=45)))
    label = "${PROP('MetricName')} [${MIN}..${MAX}, ${AVG}] ${LAST_TIME} (${LABEL})"
    found = ask(
        cloudwatch,
        {**metric("m1", "Requests"), "Label": label},
        {"Id": "e1", "Expression": "m1 * 2", "Label": "${LABEL} ${PROP('MetricName')}: ${SUM}"},
        MaxDatapoints=3,
        LabelOptions={"Timezone": "+0545"},
    )
    told = f"Requests [0..9, 4.5] {last.isoformat()} (Requests)"
    assert {label: len(values) for label, values in found.items()} == {told: 10, "e1 --: 90": 10}


def test_a_label_is_that_of_each_series_of_a_search(cloudwatch: Any) -> None:
    search = "SEARCH('{Math}', 'Average', 60)"
    for expression in (search, f"SORT({search}, MAX, DESC)", f"SLICE({search}, 0, 2)"):
        label = "${PROP('MetricName')} ${PROP('Stat')} ${PROP('Period')} ${MAX}"
        found = ask(cloudwatch, {"Id": "e1", "Expression": expression, "Label": label})
        assert sorted(found) == ["Errors Average 60 4", "Requests Average 60 9"]


@pytest.mark.parametrize(
    ("label", "timezone", "message"),
    [
        ("${MAX}" * 7, "+0000", "more than 6 dynamic values"),
        ("${LABEL}${LABEL}", "+0000", "more than once"),
        ("${MAX_TIME}", "CET", "time zone"),
    ],
)
def test_labels_that_cannot_be_filled_in_are_refused(
    cloudwatch: Any, label: str, timezone: str, message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        ask(
            cloudwatch,
            {**metric("m1", "Requests"), "Label": label},
            LabelOptions={"Timezone": timezone},
        )


@pytest.mark.parametrize(
    "queries",
    [
        [metric(f"m{number}", "Requests") for number in range(100)],
        [{"Id": f"e{number}", "Expression": "1", "Period": 60} for number in range(100)],
    ],
    ids=["read", "computed"],
)
def test_more_than_a_request_may_ask_for_is_refused(
    cloudwatch: Any, queries: list[dict[str, Any]]
) -> None:
    with pytest.raises(ClientError, match="more than 1,000,000 datapoints"):
        cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=NOW - timedelta(days=14), EndTime=NOW
        )
