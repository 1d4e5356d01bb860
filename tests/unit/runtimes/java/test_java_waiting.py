"""A Java runtime that is started ahead of its function, and how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue

import pytest
from scripted_api import ScriptedApi, event

WAITS = {"_LAMBDAD_WAITS": "1", "ONLY": "before"}


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def tell(process: subprocess.Popen[bytes], variables: dict[str, str]) -> bytes:
    """Make it an environment of a function, and give what it writes until its end."""
    output, _ = process.communicate(json.dumps({"variables": variables}).encode(), timeout=60)
    return output


def test_nothing_told_is_a_quiet_end(java_command, variables):
    with started(java_command, {**variables, **WAITS}) as process:
        output, _ = process.communicate(timeout=60)
    assert output == b""
    assert process.returncode == 0


def test_the_environment_becomes_exactly_what_is_told(java_command, variables, tmp_path):
    told = {**variables, "_HANDLER": "example.Surroundings::process", "TZ": ":Asia/Tokyo"}
    told["ZOË"] = "ë"
    del told["LC_ALL"]
    with started(java_command, {**variables, **WAITS}) as process:
        given = event({"directory": str(tmp_path)}, Lambda_Runtime_Trace_Id="Root=1")
        with ScriptedApi([given], finished=process.kill) as api:
            told["AWS_LAMBDA_RUNTIME_API"] = api.address
            tell(process, told)

    (answer,) = [exchange.json for exchange in api.exchanges if exchange.method == "POST"]
    assert answer["variables"] == {**told, "_X_AMZN_TRACE_ID": "Root=1"}
    assert set(answer["child"].splitlines()) == {f"{name}={told[name]}" for name in told}
    assert answer["threads"] == 1
    assert answer["zone"] == "Asia/Tokyo"
    assert answer["encoding"] == "UTF-8"


def test_the_function_need_not_be_there_before_it_is_told(java_command, variables, zoo, tmp_path):
    root = tmp_path / "task"
    root.mkdir()
    with started(java_command, {**variables, **WAITS}) as process:
        shutil.copytree(zoo, root, dirs_exist_ok=True)
        with ScriptedApi([event("x")], finished=process.kill) as api:
            told = {"LAMBDA_TASK_ROOT": str(root), "_HANDLER": "example.Interfaces$Echo"}
            output = tell(process, {**told, "AWS_LAMBDA_RUNTIME_API": api.address})
    assert [exchange.json for exchange in api.exchanges if exchange.method == "POST"] == ["x"]
    assert output == b""


@pytest.fixture
def end_by_sigterm(java_command, variables) -> Callable[[list[str]], tuple[int, bytes]]:
    """Run a function with a shutdown hook until it waits for its second event, then end it."""

    def end(prefix: list[str]) -> tuple[int, bytes]:
        environment = {**variables, "_HANDLER": "example.Surroundings::shutdown"}
        running: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()

        def finish() -> None:
            process = running.get(timeout=60)
            os.kill(process_of_java(process.pid), signal.SIGTERM)
            process.wait(timeout=60)  # until then it waits for its event

        with ScriptedApi([event()], finished=finish) as api:
            environment["AWS_LAMBDA_RUNTIME_API"] = api.address
            with started([*prefix, *java_command], environment) as process:
                running.put(process)
                output, _ = process.communicate(timeout=60)
        return process.returncode, output

    return end


def process_of_java(pid: int) -> int:
    """The process itself, or its child where a program stands before it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


def test_sigterm_runs_shutdown_hooks(end_by_sigterm):
    status, output = end_by_sigterm([])
    assert status == 128 + signal.SIGTERM
    assert output == b"goodbye\n"


@pytest.mark.root
def test_sigterm_ends_it_as_process_1(end_by_sigterm):
    status, output = end_by_sigterm(["unshare", "--pid", "--fork"])
    assert status == 128 + signal.SIGTERM
    assert output == b"goodbye\n"
