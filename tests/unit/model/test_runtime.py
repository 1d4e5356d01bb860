"""Which interpreter runs a function."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.runtime import Interpreter, choose_runtime


def present(*names: str) -> list[Interpreter]:
    return [Interpreter(name, f"{name[6:]}.1", f"/usr/bin/{name}") for name in names]


@pytest.mark.parametrize(
    ("asked", "there", "chosen"),
    [
        ("python3.11", ["python3.9", "python3.11", "python3.13"], "python3.11"),
        ("python3.14", ["python3.9", "python3.11", "python3.13"], "python3.13"),
        ("python3.8", ["python3.13", "python3.9"], "python3.9"),
        ("python3.12", ["python3.11", "python3.13"], "python3.13"),
        ("python3.10", ["python3.9", "python3.13"], "python3.9"),
        ("python3.9", ["nodejs3.9", "python3.14"], "python3.14"),
        ("python3.9", ["nodejs3.9"], None),
        ("python2.7", ["python3.9"], None),
        ("python3.12", [], None),
        ("nodejs22.x", ["python3.12"], None),
        ("nodejs22.x", ["python3.12", "nodejs20.x"], "nodejs20.x"),
        ("nodejs22.x", ["nodejs20.x", "nodejs24.x"], "nodejs24.x"),
        ("nodejs24.x", ["nodejs20.x", "nodejs24.x"], "nodejs24.x"),
        ("provided.al2023", ["python3.12", "nodejs20.x"], "python3.12"),
        ("provided.al2023", ["nodejs20.x"], None),
        ("provided.al2023", ["python3.9", "python3.12"], "python3.12"),
        ("provided.al2", [], None),
    ],
)
def test_the_asked_runtime_or_the_nearest_is_chosen(
    asked: str, there: list[str], chosen: str | None
) -> None:
    interpreter = choose_runtime(asked, present(*there), strict=False)
    assert (interpreter.name if interpreter else None) == chosen


def test_strict_takes_only_the_asked_runtime() -> None:
    there = present("python3.11", "python3.13")
    assert choose_runtime("python3.12", there, strict=True) is None
    assert choose_runtime("python3.13", there, strict=True) == there[1]


@given(st.integers(0, 30), st.sets(st.integers(0, 30), min_size=1))
def test_no_present_runtime_is_nearer_than_the_chosen(asked: int, there: set[int]) -> None:
    names = [f"python3.{minor}" for minor in there]
    chosen = choose_runtime(f"python3.{asked}", present(*names), strict=False)
    assert chosen is not None
    distance = abs(int(chosen.name[8:]) - asked)
    assert distance == min(abs(minor - asked) for minor in there)
