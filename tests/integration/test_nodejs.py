"""As a developer I deploy a function in Node.js, as I deploy it to AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.launcher.languages import nodejs
from support.functions import DeployedFunction
from support.packages import make_zip
from support.sandboxes import ON_BOTH
from support.web import publish

MakeFunction = Callable[..., DeployedFunction]
NODE = next(iter(nodejs.find()), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None, reason="there is no Node.js in /usr/bin"),
    *ON_BOTH,
]
RUNTIME = "nodejs22.x"


@pytest.fixture
def make_node(make_function: MakeFunction) -> MakeFunction:
    """Deploy the zoo's function with one of its handlers."""

    def make(handler: str, **settings: Any) -> DeployedFunction:
        return make_function("nodejs", Runtime=RUNTIME, Handler=f"index.{handler}", **settings)

    return make


def test_a_function_answers_and_knows_what_it_is(make_node: MakeFunction) -> None:
    assert NODE is not None
    function = make_node("tell", Timeout=30)
    cold = function.invoke({})
    told = cold.value
    assert told["requestId"] == cold.request_id
    assert (told["name"], told["arn"], told["memory"]) == (function.name, function.arn, "512")
    assert 25_000 < told["remaining"] <= 30_000
    assert (told["count"], told["isModule"], told["node"]) == (1, True, f"v{NODE.version}")
    assert told["environment"] == f"AWS_Lambda_{RUNTIME}"
    assert told["trace"].startswith("Root=1-")
    assert "Init Duration" in cold.report
    warm = function.invoke({})
    assert (warm.value["count"], warm.is_cold) == (2, False)


def test_what_it_logs_has_awss_form(make_node: MakeFunction) -> None:
    answer = make_node("tell").invoke({})
    (line,) = [line for line in answer.lines if "telling" in line]
    assert re.fullmatch(rf"[0-9T:.-]+Z\t{answer.request_id}\tINFO\ttelling", line)
    assert "in two lines" in answer.lines


def test_a_version_that_is_not_here_is_said_to_run_on_another(make_node: MakeFunction) -> None:
    assert NODE is not None
    first = make_node("echo").invoke({}).lines[0]
    stands_in = f"({RUNTIME} is not on this machine; {NODE.name} runs instead)"
    assert (stands_in in first) is (NODE.name != RUNTIME)


def test_json_goes_through_unchanged(make_node: MakeFunction) -> None:
    function = make_node("echo")
    for value in (1, "ü€", [1, {"a": None}], {"nested": {"b": [True]}}):
        assert function.call(value) == value


def test_a_callback_answers(make_node: MakeFunction) -> None:
    assert make_node("callback").call([1]) == {"answered": [1]}


def test_a_failure_has_its_type_and_trace(make_node: MakeFunction) -> None:
    failed = make_node("fail").invoke({})
    assert failed.error == "Unhandled"
    assert (failed.value["errorType"], failed.value["errorMessage"]) == (
        "RangeError",
        "no such luck",
    )
    assert any("index.mjs" in line for line in failed.value["trace"])


@pytest.mark.parametrize(
    ("handler", "error_type", "words"),
    [
        ("failLater", "Error", "nobody catches this"),
        ("leave", "Runtime.ExitError", "exit status 7"),
        ("hang", "Sandbox.Timedout", "timed out after 1.00 seconds"),
    ],
)
def test_one_that_ends_or_hangs_is_told_and_serves_again(
    make_node: MakeFunction, handler: str, error_type: str, words: str
) -> None:
    function = make_node(handler, Timeout=1 if handler == "hang" else 10)
    for _ in range(2):
        ended = function.invoke({})
        assert ended.error == "Unhandled"
        assert error_type in ended.value["errorType"]
        assert words in ended.value["errorMessage"]


@pytest.mark.parametrize(
    ("files", "handler", "error_type"),
    [
        ({"index.js": "exports.other = 1"}, "index.handler", "Runtime.HandlerNotFound"),
        ({"other.js": ""}, "index.handler", "Runtime.ImportModuleError"),
        ({"index.js": "require('nowhere')"}, "index.handler", "Runtime.ImportModuleError"),
        ({"index.js": "exports.handler = ("}, "index.handler", "Runtime.UserCodeSyntaxError"),
        ({"index.js": ""}, "index", "Runtime.MalformedHandlerName"),
    ],
)
def test_what_cannot_be_loaded_is_named(
    make_function: MakeFunction, files: dict[str, str], handler: str, error_type: str
) -> None:
    function = make_function(package=make_zip(files), Runtime=RUNTIME, Handler=handler)
    assert function.invoke({}).value["errorType"] == error_type


def test_common_js_finds_its_modules_and_those_of_layers(
    make_function: MakeFunction, lambda_client: Any
) -> None:
    layer = lambda_client.publish_layer_version(
        LayerName="node-modules",
        Content={"ZipFile": make_zip({"nodejs/node_modules/far/index.js": "exports.far = 2"})},
    )
    files = {
        "src/app.js": "const {near} = require('near'), {far} = require('far');\n"
        "exports.deep = {handler: async () => near + far};",
        "node_modules/near/index.js": "exports.near = 1",
    }
    function = make_function(
        package=make_zip(files),
        Runtime=RUNTIME,
        Handler="src/app.deep.handler",
        Layers=[layer["LayerVersionArn"]],
    )
    assert function.call({}) == 3


def test_a_response_streams_with_its_prelude(make_node: MakeFunction) -> None:
    function = make_node("stream")
    answer = function.client.invoke_with_response_stream(FunctionName=function.name)
    *chunks, end = answer["EventStream"]
    prelude, _, body = b"".join(c["PayloadChunk"]["Payload"] for c in chunks).partition(b"\0" * 8)
    assert json.loads(prelude)["statusCode"] == 201
    assert (body, end) == (b"one two three", {"InvokeComplete": {}})


def test_a_streamed_url_is_http(make_node: MakeFunction) -> None:
    site = publish(make_node("stream"), stream=True)
    reply = site.get("/")
    assert (reply.status, reply.body) == (201, b"one two three")
    assert reply.headers["x-from"] == "node"
