"""Processes that are started ahead of their function, and how they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from csharp import CONFORMANCE, HEAP_LIMIT, SDK, VARIABLES
from scripted_api import Exchange, Outcome, ScriptedApi, event

WAITS = {**VARIABLES, "_LAMBDAD_WAITS": "1", "LEFT_BEHIND": "1", "TZ": ":UTC", **HEAP_LIMIT}
AS_PROCESS_1 = [
    "unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child",
    "--mount-proc",
]  # fmt: skip


@pytest.fixture
def run_waiting(bootstrap: Path, variables: dict[str, str]) -> Callable[..., Outcome]:
    """Start a waiting process, and tell it its function once it is there."""

    def run(*events: object, **told: str) -> Outcome:
        assert SDK
        process: list[subprocess.Popen[bytes]] = []
        with ScriptedApi(map(event, events), finished=lambda: process[0].kill()) as api:
            process.append(start_waiting(bootstrap))
            everything = {
                **variables,
                "_HANDLER": CONFORMANCE,
                "AWS_LAMBDA_RUNTIME_API": api.address,
                **told,
            }
            message = json.dumps({"variables": everything}).encode()
            output, _ = process[0].communicate(message, timeout=60)
        return Outcome(api.exchanges, output, process[0].returncode)

    return run


@pytest.fixture
def serve(run_waiting: Callable[..., Outcome]) -> Callable[..., list[Exchange]]:
    """What it posts."""
    return lambda *events, **told: run_waiting(*events, **told).posts


def start_waiting(bootstrap: Path) -> subprocess.Popen[bytes]:
    assert SDK
    return subprocess.Popen(
        [SDK.executable, "exec", str(bootstrap)],
        env=WAITS,
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def test_one_that_is_not_needed_ends_quietly(bootstrap):
    process = start_waiting(bootstrap)
    output, _ = process.communicate(b"", timeout=60)
    assert (output, process.returncode) == (b"", 0)


def test_it_has_the_variables_that_it_is_told_and_no_others(serve):
    names = ["NAME", "LEFT_BEHIND", "_LAMBDAD_WAITS", "AWS_LAMBDA_FUNCTION_NAME"]
    variables, child = serve(
        {"do": "environment", "names": names}, {"do": "child"}, NAME="Zoë \U0001f600"
    )
    assert variables.json == {
        "NAME": "Zoë \U0001f600",
        "LEFT_BEHIND": None,
        "_LAMBDAD_WAITS": None,
        "AWS_LAMBDA_FUNCTION_NAME": "f",
    }
    assert child.json == "Zoë \U0001f600"


def test_it_has_the_time_zone_that_it_is_told(serve):
    (clock,) = serve({"do": "clock"}, TZ=":Asia/Kolkata")
    assert clock.json["hour_offset"] == 330


def test_it_serves_as_if_it_had_not_waited(serve):
    first, second, failure = serve({"do": "count"}, {"do": "count"}, {"do": "custom"})
    assert [first.json, second.json] == [1, 2]
    assert failure.json["errorType"] == "NoSuchLuck"


def test_it_becomes_a_program_under_the_limit_of_its_own_heap(run_waiting, package):
    outcome = run_waiting("given", _HANDLER="Program.exe")

    heap = int(HEAP_LIMIT["DOTNET_GCHeapHardLimit"], 16)
    assert outcome.results() == [["given", 0, f"{package}/", "Program.exe", heap]]
    assert outcome.text == "served\nwell\n"
    assert outcome.status == 3


def can_make_process_1() -> bool:
    return subprocess.run([*AS_PROCESS_1, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_make_process_1(), reason="no namespaces for this user")
def test_sigterm_ends_process_1_after_what_the_function_does_then(bootstrap, variables):
    assert SDK
    process: list[subprocess.Popen[bytes]] = []
    program = [SDK.executable, "exec", str(bootstrap)]
    # Its namespace's first process is a child of unshare, which hands no signals on.
    with ScriptedApi([event({"do": "sigterm"})], finished=lambda: terminate(process[0])) as api:
        environment = {**variables, "_HANDLER": CONFORMANCE, "AWS_LAMBDA_RUNTIME_API": api.address}
        process.append(
            subprocess.Popen(
                [*AS_PROCESS_1, *program], env=environment, stdout=subprocess.PIPE, text=True
            )
        )
        output, _ = process[0].communicate(timeout=60)
    assert [exchange.json for exchange in api.exchanges if exchange.body] == ["ready"]
    assert output.endswith("\tinfo\tgoodbye\n")
    assert process[0].returncode == 128 + signal.SIGTERM


def terminate(unshare: subprocess.Popen[bytes]) -> None:
    children = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text().split()
    assert len(children) == 1, sys.argv
    os.kill(int(children[0]), signal.SIGTERM)
