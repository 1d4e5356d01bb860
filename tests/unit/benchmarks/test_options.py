"""Which benchmarks run."""

from __future__ import annotations

import pytest
from benchmarks.__main__ import BENCHMARKS, read_options


def test_all_run_by_default_but_those_that_need_a_rival() -> None:
    assert read_options([]).names == [name for name in BENCHMARKS if name != "peers"]


@pytest.mark.parametrize("arguments", [["--peers"], ["peers"]])
def test_rivals_run_when_they_are_asked_for(arguments: list[str]) -> None:
    assert "peers" in read_options(arguments).names


def test_those_that_are_named_run_and_no_others() -> None:
    assert read_options(["memory", "limits"]).names == ["memory", "limits"]


def test_what_is_no_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        read_options(["nonsense"])

    assert "there is no benchmark nonsense" in capsys.readouterr().err
