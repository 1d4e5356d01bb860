"""Finding interpreters: real programs only, the newest of each minor version."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from lambdad.launcher import asking, interpreters
from lambdad.launcher.interpreters import (
    Interpreter,
    find_interpreters,
    is_readable_by_all,
    version_of,
)

NAME = f"python3.{sys.version_info[1]}"
BASE = os.path.realpath(sys.executable)


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which interpreters are looked for."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}")
    monkeypatch.setattr(interpreters, "_PLACES", ())
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "nowhere"))
    return tmp_path


def write_program(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)


def test_an_interpreter_is_asked_who_it_is(directory: Path) -> None:
    (directory / NAME).symlink_to(BASE)
    (found,) = find_interpreters().values()
    assert found.name == NAME
    assert found.version == "{}.{}.{}".format(*sys.version_info[:3])
    assert found.executable == BASE
    assert Path(found.prefix) in Path(BASE).parents


def test_shims_are_never_run(directory: Path) -> None:
    proof = directory / "ran"
    write_program(directory / NAME, f"#!/bin/sh\ntouch {proof}\necho 3.99.0\n".encode())
    assert find_interpreters() == {}
    assert not proof.exists()


@pytest.mark.parametrize("content", [b"", b"\x7fELF, but not really", b"MZ"])
def test_what_only_looks_like_a_program_is_passed_over(directory: Path, content: bytes) -> None:
    write_program(directory / NAME, content)
    assert find_interpreters() == {}


def test_what_cannot_be_executed_is_passed_over(directory: Path) -> None:
    (directory / NAME).write_bytes(b"\x7fELF")
    (directory / NAME).chmod(0o644)
    (directory / "python3.10").mkdir()
    (directory / "python3.12").symlink_to(directory / "nothing")
    assert find_interpreters() == {}


def test_a_program_that_is_no_interpreter_is_passed_over(directory: Path) -> None:
    (directory / NAME).symlink_to("/bin/true")
    assert find_interpreters() == {}


def test_an_interpreter_that_says_nothing_is_given_up(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_ANSWER_SECONDS", 0.05)
    monkeypatch.setattr(interpreters, "_QUESTION", "import time; time.sleep(60)")
    (directory / NAME).symlink_to(BASE)
    assert find_interpreters() == {}


def test_the_newest_of_a_minor_version_wins(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given
    versions = {"/a": "3.12.9", "/b": "3.12.10", "/c": "3.13.0", "/d": "3.12.2"}
    candidates = {("python3.12", path) for path in ["/a", "/b", "/d"]} | {("python3.13", "/c")}
    monkeypatch.setattr(interpreters, "_candidates", lambda: candidates)
    answers = {path: f"{version}\n/prefix\n" for path, version in versions.items()}
    monkeypatch.setattr(interpreters, "answers_of", lambda paths, question: answers)
    # When
    found = find_interpreters()
    # Then
    assert found["python3.12"] == Interpreter("python3.12", "3.12.10", "/b", "/prefix")
    assert found["python3.13"].version == "3.13.0"


def test_what_others_cannot_read_is_told_apart() -> None:
    with tempfile.TemporaryDirectory() as name:  # pytest's own directories are closed themselves
        directory = Path(name)
        program = directory / "python"
        program.touch()
        directory.chmod(0o711)  # to pass through is enough
        program.chmod(0o755)
        assert is_readable_by_all(str(program))
        directory.chmod(0o750)
        assert not is_readable_by_all(str(program))
        directory.chmod(0o755)
        program.chmod(0o711)
        assert not is_readable_by_all(str(program))


def test_versions_are_compared_by_their_numbers_whatever_else_is_in_them() -> None:
    names = ["22-ea", "10.0.0-rc.1.25451.107", "17-internal", "9.0.1"]
    kits = [Interpreter("x", version, "/x", "/") for version in names]
    ordered = [kit.version for kit in sorted(kits, key=version_of)]
    assert ordered == ["9.0.1", "10.0.0-rc.1.25451.107", "17-internal", "22-ea"]
