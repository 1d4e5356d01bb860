"""As a developer I bring a runtime of my own: a program called bootstrap, in any language."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction
from support.packages import make_zip, zoo_files
from support.sandboxes import ON_BOTH

MakeFunction = Callable[..., DeployedFunction]
pytestmark = [pytest.mark.slow, *ON_BOTH]
NEEDS_CURL = pytest.mark.skipif(
    shutil.which("curl") is None, reason="the runtime is a shell script, which needs curl"
)
RUNTIME = "provided.al2023"
BOOTSTRAP = "bootstrap"
STREAMING = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
    head=$(curl -sS -o /dev/null -D - "$api/next" | tr -d '\\r')
    id=$(echo "$head" | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p')
    { echo one; echo two; } | curl -sS -o /dev/null -X POST -T - "$api/$id/response" \\
        -H 'Lambda-Runtime-Function-Response-Mode: streaming' -H 'Transfer-Encoding: chunked'
done
"""


@pytest.fixture
def make_shell(make_function: MakeFunction) -> MakeFunction:
    """Deploy the shell function with one of its handlers."""

    def make(handler: str, **settings: Any) -> DeployedFunction:
        wishes = {"Runtime": RUNTIME, "Handler": f"function.{handler}", "Timeout": 10, **settings}
        return make_function(package=make_zip(zoo_files("shell"), [BOOTSTRAP]), **wishes)

    return make


@NEEDS_CURL
def test_a_function_in_shell_answers_and_logs(make_shell: MakeFunction) -> None:
    function = make_shell("echo_event")
    cold = function.invoke({"a": 1})
    assert cold.value["event"] == {"a": 1}
    assert "handling" in cold.lines
    assert f"INIT_START Runtime Version: {RUNTIME.replace('.', ':')}.v1" in cold.lines[0]
    assert "is not on this machine" not in cold.lines[0]
    assert "Init Duration" in cold.report
    warm = function.invoke({"b": 2})
    assert (warm.value["event"], warm.is_cold) == ({"b": 2}, False)
    assert function.configuration()["RuntimeVersionConfig"]["RuntimeVersionArn"].endswith(RUNTIME)


@NEEDS_CURL
def test_its_variables_are_those_of_no_managed_runtime(make_shell: MakeFunction) -> None:
    assert make_shell("tell_variables").call() == {
        "env": "none",
        "handler": "function.tell_variables",
        "python": "none",
    }


@NEEDS_CURL
def test_its_failure_is_told(make_shell: MakeFunction) -> None:
    failed = make_shell("fail").invoke()
    assert (failed.error, failed.value["errorType"]) == ("Unhandled", "ShellFailed")
    assert failed.report["Error Type"] == "Runtime.ShellFailed"


def test_a_bootstrap_that_ends_is_told_and_started_again(make_function: MakeFunction) -> None:
    package = make_zip({BOOTSTRAP: "#!/bin/sh\necho started\nexit 3\n"}, [BOOTSTRAP])
    function = make_function(package=package, Runtime=RUNTIME, Handler="none")
    for _ in range(2):
        ended = function.invoke()
        assert ended.value["errorType"] == "Runtime.ExitError"
        assert "exit status 3" in ended.value["errorMessage"]
        assert "started" in ended.lines


@pytest.mark.parametrize("files", [{"function.sh": "true"}, {"bootstrap": "#!/bin/sh\n"}])
def test_without_a_bootstrap_that_can_be_run_there_is_an_error(
    make_function: MakeFunction, files: dict[str, str]
) -> None:
    function = make_function(package=make_zip(files), Runtime=RUNTIME, Handler="none")
    for _ in range(2):
        ended = function.invoke()
        assert ended.error == "Unhandled"
        assert ended.value["errorType"] == "Runtime.InvalidEntrypoint"
        assert ended.value["errorMessage"].startswith("Couldn't find valid bootstrap(s): [")


@NEEDS_CURL
def test_it_may_stream(make_function: MakeFunction) -> None:
    package = make_zip({BOOTSTRAP: STREAMING}, [BOOTSTRAP])
    function = make_function(package=package, Runtime=RUNTIME, Handler="none")
    answer = function.client.invoke_with_response_stream(FunctionName=function.name)
    *chunks, end = answer["EventStream"]
    written = b"".join(each["PayloadChunk"]["Payload"] for each in chunks)
    assert (written, end) == (b"one\ntwo\n", {"InvokeComplete": {}})


@NEEDS_CURL
def test_a_layer_may_bring_the_bootstrap(
    make_function: MakeFunction, make_shell: MakeFunction, server: LocalServer, lambda_client: Any
) -> None:
    files = zoo_files("shell")
    layer = lambda_client.publish_layer_version(
        LayerName="shell-runtime",
        CompatibleRuntimes=[RUNTIME, "provided.al2"],
        Content={"ZipFile": make_zip({BOOTSTRAP: files[BOOTSTRAP]}, [BOOTSTRAP])},
    )
    function = make_function(
        package=make_zip({"function.sh": files["function.sh"]}),
        Runtime="provided.al2",
        Handler="function.echo_event",
        Layers=[layer["LayerVersionArn"]],
        Timeout=10,
    )
    assert function.call([1])["event"] == [1]
