"""`lambdad doctor` on the machine that runs the tests, in a process of its own: it forks."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from lambdad.cli import doctor
from lambdad.cli.failure import ExitCode
from lambdad.launcher.findings.finding import Finding, State
from lambdad.launcher.findings.strength import Strength

NOBODY = 65_534
# Imports come first: the interpreter itself may lie where only root can read. The process stays
# its own user's, as one is that this user started.
_AS_NOBODY = f"""
import contextlib, io, os, sys
from lambdad.cli.main import main
from lambdad.launcher import syscalls
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["doctor"])
os.setgroups([])
os.setresgid({NOBODY}, {NOBODY}, {NOBODY})
os.setresuid({NOBODY}, {NOBODY}, {NOBODY})
syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)
main(["doctor", *sys.argv[1:]])
"""
_AS_ONESELF = "import sys; from lambdad.cli.main import main; main(['doctor', *sys.argv[1:]])"

FINDINGS = [
    Finding("kernel", State.OK, "Linux 6.1"),
    Finding("user namespaces", State.WEAKER, "few", "Because.", "sudo " + "x" * 100),
    Finding("cgroups", State.MISSING, "none", "There are [none]."),
]
STRENGTH = Strength("namespaces", True, "made by root", "lambdad serve", ("no CPU share",))


def run_alone(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=False
    )


def subjects(document: dict[str, Any]) -> set[str]:
    return {finding["Subject"] for finding in document["Findings"]}


def assert_has_the_shape(document: dict[str, Any]) -> None:
    """Every member is there, and the exit code's meaning is in it."""
    assert set(document) == {
        *("Sandbox", "Isolates", "How", "Command", "Weaknesses", "Findings"),
    }
    for finding in document["Findings"]:
        assert list(finding) == ["Subject", "State", "What", "Why", "Command"]
        assert finding["State"] in ("ok", "weaker", "missing")
        assert (finding["Why"] is None) == (finding["State"] == "ok")


@pytest.mark.slow
@pytest.mark.root
def test_root_is_told_that_namespaces_are_available() -> None:
    ended = run_alone(_AS_ONESELF, "--json")
    document = json.loads(ended.stdout)
    assert_has_the_shape(document)
    assert (document["Sandbox"], document["Isolates"]) == ("namespaces", True)
    assert {"rights", "kernel", "namespaces", "cgroups", "runtimes"} <= subjects(document)
    assert (ended.returncode, ended.stderr) == (ExitCode.DONE, "")


@pytest.mark.slow
@pytest.mark.root
def test_a_user_without_rights_is_told_what_to_prepare() -> None:
    ended = run_alone(_AS_NOBODY, "--json")
    document = json.loads(ended.stdout)
    assert_has_the_shape(document)
    assert {"user namespaces", "newuidmap", "subordinate ids"} <= subjects(document)
    assert f"uid {NOBODY}" in document["Findings"][0]["What"]
    expected = ExitCode.DONE if document["Isolates"] else ExitCode.USAGE
    assert (ended.returncode, ended.stderr) == (expected, "")


@pytest.mark.slow
def test_whoever_asks_gets_lines_and_no_traceback() -> None:
    ended = run_alone(_AS_ONESELF)
    assert ended.returncode in (ExitCode.DONE, ExitCode.USAGE)
    assert ended.stderr == ""
    assert "Strongest sandbox: " in ended.stdout
    assert ended.stdout.splitlines()[0].split()[:2][-1] == "rights"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of which three things are told."""
    monkeypatch.setattr(doctor, "examine", lambda: None)
    monkeypatch.setattr(doctor, "diagnose", lambda _: (FINDINGS, STRENGTH))


@pytest.mark.usefixtures("told")
def test_each_finding_has_a_line_its_reason_and_its_command(run: Any) -> None:
    ended = run("doctor")
    assert [line.rstrip() for line in ended.out.splitlines()] == [
        "ok       kernel           Linux 6.1",
        "weaker   user namespaces  few",
        "                          Because.",
        "                          sudo " + "x" * 100,
        "missing  cgroups          none",
        "                          There are [none].",
        "",
        "Strongest sandbox: namespaces (made by root)",
        "  - no CPU share",
        "Start it with: lambdad serve",
    ]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("columns", [80, 120])
def test_a_command_is_never_folded(run: Any, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    monkeypatch.setattr("lambdad.cli.screen._UNFOLDED", columns)
    lines = run("doctor").out.splitlines()
    assert FINDINGS[1].command in [line.strip() for line in lines]
    assert all(len(line) <= columns for line in lines if "sudo" not in line)


def test_exit_code_says_whether_anything_isolates(
    run: Any, monkeypatch: pytest.MonkeyPatch, told: None
) -> None:
    assert run("doctor").code == ExitCode.DONE
    weak = replace(STRENGTH, is_isolating=False)
    monkeypatch.setattr(doctor, "diagnose", lambda _: (FINDINGS, weak))
    assert run("doctor").code == ExitCode.USAGE
    assert run("doctor", "--json").code == ExitCode.USAGE


@pytest.mark.usefixtures("told")
def test_json_has_everything_that_the_lines_have(run: Any) -> None:
    document = run("doctor", "--json").json
    assert_has_the_shape(document)
    assert document["Weaknesses"] == ["no CPU share"]
    assert document["Findings"][1] == {
        "Subject": "user namespaces",
        "State": "weaker",
        "What": "few",
        "Why": "Because.",
        "Command": FINDINGS[1].command,
    }
