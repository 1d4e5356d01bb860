"""As a developer I work from a shell: with lambdad's commands, and with AWS's own CLI."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ENVIRONMENT, ROLE
from support.functions import DeployedFunction
from support.packages import make_zip, zoo_files
from support.waiting import wait_until

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
HANDLER = """
def handler(event, context):
    print("got", event)
    return {"hello": event.get("name", "world")}
"""

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]
MakeFunction = Callable[..., DeployedFunction]


def variables(server: LocalServer, home: Path) -> dict[str, str]:
    """The environment of a user's shell."""
    return {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        **ENVIRONMENT,
        "HOME": str(home),
        "AWS_ENDPOINT_URL": server.url,
        "AWS_PAGER": "",
    }


@pytest.fixture
def run(server: LocalServer, tmp_path: Path) -> Run:
    """Run a program of the virtual environment, as a user's shell would."""

    def run(program: str, *arguments: str | Path, stdin: str = "", code: int = 0) -> Run:
        done = subprocess.run(
            [BIN / program, *arguments], env=variables(server, tmp_path), cwd=tmp_path, input=stdin,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == code, f"{done.returncode}: {done.stdout}\n{done.stderr}"
        return done  # type: ignore[return-value]

    return run  # type: ignore[return-value]


@pytest.fixture
def start(server: LocalServer, tmp_path: Path) -> Iterator[Start]:
    """Start a program of the virtual environment; it is ended with the test."""
    with ExitStack() as started:

        def start(program: str, *arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [BIN / program, *arguments], env=variables(server, tmp_path), cwd=tmp_path,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            started.enter_context(process)  # waits for it, last
            started.callback(process.kill)
            return process

        yield start


def test_a_function_is_deployed_invoked_listed_read_and_removed(run: Run, tmp_path: Path) -> None:
    # Given
    name = f"shell-{uuid.uuid4().hex[:8]}"
    directory = tmp_path / "hello"
    directory.mkdir()
    (directory / "app.py").write_text(HANDLER)
    # deploy
    deployed = run("lambdad", "deploy", "hello", "--name", name)
    assert f"Created {name}." in deployed.stdout
    # invoke: the result goes to standard output alone, the rest to standard error
    invoked = run("lambdad", "invoke", name, '{"name": "Ada"}')
    assert json.loads(invoked.stdout) == {"hello": "Ada"}
    assert "got {'name': 'Ada'}" in invoked.stderr
    assert "cold" in invoked.stderr
    again = run("lambdad", "invoke", name, "-", "--json", stdin='{"name": "stdin"}')
    document = json.loads(again.stdout)
    assert document["Payload"] == {"hello": "stdin"}
    assert document["StatusCode"] == 200
    # ls
    listed = json.loads(run("lambdad", "ls", "--json").stdout)["Functions"]
    (ours,) = [function for function in listed if function["FunctionName"] == name]
    assert ours["State"] == "Active"
    assert name in run("lambdad", "ls").stdout.replace("\n", "")
    # logs
    logs = run("lambdad", "logs", name).stdout
    assert "got {'name': 'Ada'}" in logs
    assert "REPORT RequestId" in logs
    # deploy again is an update
    (directory / "app.py").write_text(HANDLER.replace("world", "new world"))
    assert f"Updated {name}." in run("lambdad", "deploy", "hello", "--name", name).stdout
    assert json.loads(run("lambdad", "invoke", name).stdout) == {"hello": "new world"}
    # rm
    assert f"Deleted {name}." in run("lambdad", "rm", name, "--yes").stdout
    run("lambdad", "invoke", name, code=3)


@pytest.mark.parametrize("name", ["lines.txt", "lines.gz"])
def test_log_lines_are_exported_to_a_file(
    run: Run, tmp_path: Path, make_function: Callable[..., DeployedFunction], name: str
) -> None:
    # Given
    source = "def handler(event, context):\n    for n in (1, 2): print('{\"n\": %d}' % n)\n"
    function = make_function(source=source)
    function.invoke()
    # When
    command = ["lambdad", "logs", function.name, "--export", name, "--filter", "{ $.n > 1 }"]
    told = json.loads(run(*command, "--json").stdout)
    # Then
    assert told == {"file": name, "lines": 1}
    content = (tmp_path / name).read_bytes()
    text = gzip.decompress(content) if name.endswith(".gz") else content
    (line,) = text.decode().splitlines()
    assert line.endswith('Z {"n": 2}')
    # and what is being followed has no end
    run(*command, "-f", code=2)


def test_a_function_is_deployed_with_a_url_of_its_own(
    run: Run, tmp_path: Path, lambda_client: Any
) -> None:
    # Given
    name = f"shell-{uuid.uuid4().hex[:8]}"
    (tmp_path / "hello.py").write_text(HANDLER)
    # When it is deployed twice, the second time for streams
    first, second = (
        json.loads(
            run("lambdad", "deploy", "hello.py", "--name", name, "--json", "--url", *more).stdout
        )
        for more in ((), ("--stream",))
    )
    # Then it has one URL, open to everybody
    assert first["FunctionUrl"] == second["FunctionUrl"]
    assert first["FunctionUrl"].startswith("http://")
    found = lambda_client.get_function_url_config(FunctionName=name)
    assert (found["AuthType"], found["InvokeMode"]) == ("NONE", "RESPONSE_STREAM")
    policy = json.loads(lambda_client.get_policy(FunctionName=name)["Policy"])
    assert [statement["Action"] for statement in policy["Statement"]] == [
        "lambda:InvokeFunctionUrl",
        "lambda:InvokeFunction",
    ]
    run("lambdad", "rm", name, "--yes")


def test_a_save_is_what_the_next_invocation_runs(
    start: Start, tmp_path: Path, lambda_client: Any
) -> None:
    # Given a directory that is deployed and watched
    name = f"watched-{uuid.uuid4().hex[:8]}"
    file = tmp_path / "hello" / "app.py"
    file.parent.mkdir()
    file.write_text("def handler(event, context): return 'first'\n")
    watch = start("lambdad", "deploy", "hello", "--name", name, "--watch", "--json")

    def told() -> dict[str, Any]:
        """The next line of the watch, whose time limit is the test's."""
        line: dict[str, Any] = json.loads(watch.stdout.readline())
        return line

    def answer() -> Any:
        return json.load(lambda_client.invoke(FunctionName=name)["Payload"])

    assert told()["Status"] == "created"
    assert answer() == "first"
    # When the file is saved, as an editor does it
    (tmp_path / "saved").write_text("def handler(event, context): return 'second'\n")
    (tmp_path / "saved").replace(file)
    # Then the answer changes
    wait_until(lambda: answer() == "second", "the saved file runs")
    change = told()
    assert change["Changed"] == ["app.py"]
    assert change["LiveMs"] < 10_000
    # And a change that has been told is live
    file.write_text("def handler(event, context): return 'the third'\n")
    told()
    assert answer() == "the third"
    # And Ctrl-C ends it
    watch.send_signal(signal.SIGINT)
    assert watch.wait(20) == 0
    lambda_client.delete_function(FunctionName=name)


def test_a_function_that_fails_makes_invoke_fail(run: Run, tmp_path: Path) -> None:
    name = f"shell-{uuid.uuid4().hex[:8]}"
    (tmp_path / "broken.py").write_text(
        "def handler(event, context):\n    raise ValueError('no')\n"
    )
    run("lambdad", "deploy", "broken.py", "--name", name)
    failed = run("lambdad", "invoke", name, code=1)
    assert json.loads(failed.stdout)["errorType"] == "ValueError"
    assert "The function failed" in failed.stderr
    run("lambdad", "rm", name, "--yes")


def test_a_response_is_shown_while_the_function_writes_it(
    make_function: MakeFunction, start: Start
) -> None:
    # Given a function that writes its next piece when the last one has been seen
    function = make_function("stream", Timeout=60)
    wishes = json.dumps({"pieces": ["one", "two"], "wait_for_tag": True, "then": "raise"})
    invoked = start("lambdad", "invoke", function.name, "--stream", wishes)
    assert invoked.stdout is not None
    # When each piece is answered by the tag that it waits for
    for piece in ("one", "two"):
        assert invoked.stdout.read(3) == piece
        function.client.tag_resource(Resource=function.arn, Tags={piece: "seen"})
    # Then it ends as the function does, which here fails
    assert invoked.wait(30) == 1
    assert invoked.stdout.read() == ""


def test_what_is_streamed_is_no_json_document(run: Run) -> None:
    assert "no --json" in run("lambdad", "invoke", "f", "--stream", "--json", code=2).stderr


def test_aws_cli_drives_the_server_unmodified(run: Run, tmp_path: Path) -> None:
    # Given
    name = f"cli-{uuid.uuid4().hex[:8]}"
    (tmp_path / "f.zip").write_bytes(make_zip(zoo_files("echo")))
    # When, Then
    created = run(
        "aws", "lambda", "create-function", "--function-name", name, "--runtime", "python3.12",
        "--handler", "app.handler", "--role", ROLE, "--zip-file", "fileb://f.zip",
        "--environment", "Variables={KEY=value}",
    )  # fmt: skip
    assert json.loads(created.stdout)["State"] == "Pending"
    run("aws", "lambda", "wait", "function-active-v2", "--function-name", name)
    invoked = run(
        "aws", "lambda", "invoke", "--function-name", name, "--payload", '{"a": 1}',
        "--log-type", "Tail", "out.json",
    )  # fmt: skip
    assert json.loads(invoked.stdout)["StatusCode"] == 200
    assert json.loads((tmp_path / "out.json").read_text()) == {"a": 1}
    got = json.loads(run("aws", "lambda", "get-function", "--function-name", name).stdout)
    assert got["Configuration"]["Environment"] == {"Variables": {"KEY": "value"}}
    listed = run("aws", "lambda", "list-functions", "--query", "Functions[].FunctionName")
    assert name in json.loads(listed.stdout)
    run("aws", "lambda", "delete-function", "--function-name", name)
    gone = run("aws", "lambda", "get-function", "--function-name", name, code=255)
    assert "ResourceNotFoundException" in gone.stderr
