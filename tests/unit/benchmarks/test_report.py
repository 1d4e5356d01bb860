"""What becomes of samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import report
from benchmarks.report import Result


def test_a_result_is_told_by_its_median_its_95th_percentile_and_its_minimum() -> None:
    result = Result("some", "ms", list(range(1, 102)))

    assert (result.minimum, result.median, result.p95) == (1, 51, 96)


def test_a_single_sample_is_every_figure() -> None:
    result = Result("some", "ms", [7.0])

    assert (result.minimum, result.median, result.p95) == (7.0, 7.0, 7.0)


def test_each_result_becomes_one_line_of_json_behind_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    results = [Result("a", "ms", [1.23456, 2]), Result("b", "s", [3], {"connections": 8}, "P1")]

    # When
    for _ in range(2):
        path = report.append(results, revision="abc", machine={"cores": 2}, load=0.5)

    # Then
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["name"] for record in records] == ["a", "b", "a", "b"]
    assert records[0]["samples"] == [1.235, 2.0]
    assert records[1]["conditions"] == {"connections": 8}
    assert (records[1]["revision"], records[1]["machine"]) == ("abc", {"cores": 2})
    assert path.name.endswith("-abc.jsonl")
