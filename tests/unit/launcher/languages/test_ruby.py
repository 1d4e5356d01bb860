"""Finding Ruby, and the command that runs its runtime."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lambdad.launcher import asking
from lambdad.launcher.languages import ruby

RUBY = shutil.which("ruby")
needs_ruby = pytest.mark.skipif(RUBY is None, reason="this machine has no Ruby")


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in which interpreters are looked for."""
    monkeypatch.setenv("PATH", f"{tmp_path}:")
    monkeypatch.setattr(ruby, "_PLACES", ())
    return tmp_path


def write_program(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o755)


@needs_ruby
def test_an_interpreter_is_asked_who_it_is(directory: Path) -> None:
    program = Path(str(RUBY)).resolve()
    (directory / "ruby").symlink_to(program)
    (directory / "ruby3.1").symlink_to(program)
    (found,) = ruby.find()

    answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    version = answer.stdout.split()[1].partition("p")[0]
    assert found.version == version
    assert found.name == "ruby" + ".".join(version.split(".")[:2])
    assert found.executable == str(program)
    assert Path(found.prefix) in program.parents


def test_shims_are_never_run(directory: Path) -> None:
    proof = directory / "ran"
    write_program(directory / "ruby", f"#!/bin/sh\ntouch {proof}\n".encode())
    assert ruby.find() == []
    assert not proof.exists()


@pytest.mark.parametrize("content", [b"", b"\x7fELF, but not really"])
def test_what_only_looks_like_a_program_is_passed_over(directory: Path, content: bytes) -> None:
    write_program(directory / "ruby", content)
    (directory / "ruby3.0").symlink_to(directory / "nothing")
    assert ruby.find() == []


def test_programs_that_are_no_interpreter_are_passed_over(directory: Path) -> None:
    (directory / "ruby").symlink_to("/bin/true")
    (directory / "ruby3.3").symlink_to("/bin/echo")
    assert ruby.find() == []


def test_an_interpreter_that_says_nothing_is_given_up(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "_ANSWER_SECONDS", 0.05)
    (directory / "ruby").symlink_to("/bin/cat")
    monkeypatch.setattr(ruby, "_QUESTION", "sleep")
    if RUBY is not None:
        (directory / "ruby3.1").symlink_to(Path(RUBY).resolve())
    assert ruby.find() == []


ANSWERS = {
    "an old one": (["ruby\n2.6.10\n/usr"], []),
    "another Ruby": (["jruby\n3.1.4\n/opt/jruby"], []),
    "nonsense": (["ruby\nnew\n/usr"], []),
    "several": (
        ["ruby\n3.3.10\n/a", "ruby\n3.3.9\n/b", "ruby\n2.7.8\n/c", "ruby\n4.0.0\n/d"],
        [("ruby3.3", "/a"), ("ruby3.3", "/b"), ("ruby2.7", "/c"), ("ruby4.0", "/d")],
    ),
}


@pytest.mark.parametrize(("answers", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_those_are_taken_that_the_runtime_runs_on(
    monkeypatch: pytest.MonkeyPatch, answers: list[str], expected: list[tuple[str, str]]
) -> None:
    told = {str(number): answer for number, answer in enumerate(answers)}
    monkeypatch.setattr(ruby, "answers_of", lambda paths, question: told)
    assert [(found.name, found.prefix) for found in ruby.find()] == expected


def test_the_command_runs_the_bootstrap() -> None:
    command = ruby.command("/usr/bin/ruby3.1", "/var/runtime/ruby", 512)
    assert command[0] == "/usr/bin/ruby3.1"
    assert command[-1] == "/var/runtime/ruby/bootstrap.rb"
