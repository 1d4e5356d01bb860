"""Which interpreter runs a function."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdad.model.runtime import Interpreter, choose_runtime, say_missing


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
        ("ruby3.4", ["ruby2.7", "ruby3.1"], "ruby3.1"),
        ("ruby3.0", ["ruby2.7", "ruby3.1"], "ruby3.1"),
        ("java11", ["java17", "java25"], "java17"),
        ("java8.al2", ["java17"], "java17"),
        ("java17.al2023", ["java17", "java21"], "java17"),
        ("java21", ["python3.12", "ruby3.1"], None),
        ("dotnet8", ["dotnetcore3.1"], "dotnetcore3.1"),
        ("dotnet8", ["dotnetcore3.1", "dotnet10"], "dotnet10"),
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


def test_people_are_told_what_brings_a_language_that_is_missing() -> None:
    assert say_missing("ruby3.4", present("python3.12")) == (
        "The runtime ruby3.4 is not on this machine. Those that are: python3.12. "
        "To have it: apt-get install ruby; then start the server again."
    )


def test_people_are_told_that_another_version_could_stand_in() -> None:
    said = say_missing("java21", present("python3.12", "java17"))
    assert said.endswith("With runtimes=nearest the nearest version runs instead.")


def test_without_python_nothing_runs_and_people_are_told_so() -> None:
    assert "without Python" in say_missing("provided.al2023", [])
    assert "without Python" in say_missing("nodejs22.x", present("nodejs22.x"))
