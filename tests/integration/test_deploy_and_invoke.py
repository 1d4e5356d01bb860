"""As a developer I deploy a zip with an ordinary client, invoke it, and get what it returns."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from lambdad.testing.server import LocalServer
from support.clients import ACCOUNT, REGION
from support.functions import DeployedFunction
from support.sandboxes import on_both

MakeFunction = Callable[..., DeployedFunction]
pytestmark = pytest.mark.slow


@on_both
def test_a_function_returns_what_its_handler_returns(make_function: MakeFunction) -> None:
    function = make_function("echo")
    events: list[Any] = [{"a": [1, 2.5, None, True]}, [], "text", 7, None, {"ключ": "значение 🙂"}]
    for event in events:
        answer = function.invoke(event, payload=json.dumps(event).encode())
        assert answer.value == event, str(answer)
        assert answer.response["StatusCode"] == 200
        assert answer.error is None


def test_an_empty_payload_reaches_the_handler_as_an_empty_object(
    make_function: MakeFunction,
) -> None:
    assert make_function("echo").invoke(payload=b"").value == {}


def test_the_executed_version_is_latest(make_function: MakeFunction) -> None:
    function = make_function("echo")
    assert function.invoke().response["ExecutedVersion"] == "$LATEST"
    assert function.invoke(Qualifier="$LATEST").response["ExecutedVersion"] == "$LATEST"


@pytest.mark.parametrize("form", ["{name}", "{arn}", "{account}:function:{name}", "{arn}:$LATEST"])
def test_a_function_is_invoked_by_any_form_of_its_name(
    make_function: MakeFunction, form: str
) -> None:
    function = make_function("echo")
    name = form.format(name=function.name, arn=function.arn, account=ACCOUNT)
    assert function.invoke(1, FunctionName=name).value == 1


def test_dry_run_answers_204_and_runs_nothing(make_function: MakeFunction) -> None:
    function = make_function("counter")
    response = function.client.invoke(FunctionName=function.name, InvocationType="DryRun")
    assert response["StatusCode"] == 204
    assert response["Payload"].read() == b""
    assert function.call()["count"] == 1
    assert function.starts() == 1


@on_both
def test_the_context_has_every_documented_attribute(make_function: MakeFunction) -> None:
    # Given
    function = make_function("context", MemorySize=256, Timeout=7)
    # When
    answer = function.invoke()
    # Then
    context = answer.value
    remaining = context.pop("remaining_time_in_millis")
    assert 5_000 < remaining <= 7_000
    stream = context.pop("log_stream_name")
    assert "[$LATEST]" in stream
    assert stream.startswith(time.strftime("%Y/%m/", time.gmtime()))
    assert context == {
        "aws_request_id": answer.request_id,
        "function_name": function.name,
        "function_version": "$LATEST",
        "invoked_function_arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function.name}",
        "log_group_name": function.log_group,
        "memory_limit_in_mb": "256",
        "tenant_id": None,
        "identity": {"cognito_identity_id": None, "cognito_identity_pool_id": None},
        "client_context": None,
    }
    assert uuid.UUID(answer.request_id)
    assert any("a message of the context" in line for line in answer.lines)


def test_the_invoked_arn_has_the_qualifier_that_was_asked_for(make_function: MakeFunction) -> None:
    function = make_function("context")
    assert function.invoke(Qualifier="$LATEST").value["invoked_function_arn"] == (
        f"{function.arn}:$LATEST"
    )


def test_client_context_reaches_the_handler(make_function: MakeFunction) -> None:
    # Given
    function = make_function("context")
    sent = {
        "client": {"installation_id": "i1", "app_title": "ü", "app_version_name": "v"},
        "custom": {"key": "välue"},
        "env": {"locale": "de"},
    }
    # When
    encoded = base64.b64encode(json.dumps(sent, ensure_ascii=False, indent=1).encode()).decode()
    context = function.invoke(ClientContext=encoded).value["client_context"]
    # Then
    assert context["custom"] == sent["custom"]
    assert context["env"] == sent["env"]
    assert context["client"]["installation_id"] == "i1"
    assert context["client"]["app_title"] == "ü"
    assert context["client"]["app_package_name"] is None


@on_both
def test_environment_variables_are_as_documented(make_function: MakeFunction) -> None:
    # Given
    function = make_function("env", MemorySize=256, Environment={"Variables": {"MINE": "yes, ü"}})
    # When
    found = function.call()
    # Then
    variables = found["now"]
    expected = {
        "MINE": "yes, ü",
        "_HANDLER": "app.handler",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.created['Runtime']}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert {name: found["at_init"].get(name) for name in expected} == expected
    assert "[$LATEST]" in variables["AWS_LAMBDA_LOG_STREAM_NAME"]
    assert variables["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert variables["AWS_SECRET_ACCESS_KEY"]
    assert variables["AWS_SESSION_TOKEN"]
    assert variables["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert variables["AWS_LAMBDA_RUNTIME_API"].startswith("127.0.0.1:")
    assert found["cwd"] == variables["LAMBDA_TASK_ROOT"]
    assert variables["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    # Nothing of the server's own environment, and nothing of how we do it
    assert not [name for name in variables if "LAMBDAD" in name]


def test_paths_in_the_environment_variables_are_those_of_aws(make_function: MakeFunction) -> None:
    variables = make_function("env").call()["now"]
    assert variables["LAMBDA_TASK_ROOT"] == "/var/task"
    assert variables["LAMBDA_RUNTIME_DIR"] == "/var/runtime"
    assert variables["AWS_LAMBDA_RUNTIME_API"] == "127.0.0.1:9001"
    assert variables["PATH"] == "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
    assert variables["LD_LIBRARY_PATH"] == (
        "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:"
        "/opt/lib"
    )


def test_a_function_may_replace_what_aws_lets_it_replace(make_function: MakeFunction) -> None:
    mine = {"TZ": "Europe/Berlin", "LANG": "C.UTF-8", "PATH": "/usr/bin"}
    found = make_function("env", Environment={"Variables": mine}).call()["now"]
    assert {name: found[name] for name in mine} == mine


def test_a_time_zone_of_the_functions_own_holds_in_python(make_function: MakeFunction) -> None:
    source = "import time\ndef handler(event, context): return time.tzname"
    function = make_function(source=source, Environment={"Variables": {"TZ": "Asia/Tokyo"}})
    assert function.call() == ["JST", "JST"]


def test_a_reserved_variable_is_refused_by_name(make_function: MakeFunction) -> None:
    with pytest.raises(Exception, match="Reserved keys used in this request: AWS_REGION"):
        make_function("echo", Environment={"Variables": {"AWS_REGION": "x"}})


def test_remaining_time_counts_down(make_function: MakeFunction) -> None:
    found = make_function("sleep").call({"seconds": 0.2})
    assert 190 <= found["before_ms"] - found["after_ms"] < 2_000


def test_a_handler_may_be_in_a_package(make_function: MakeFunction) -> None:
    files = {
        "shop/__init__.py": "",
        "shop/orders.py": "from shop import prices\ndef take(e, c): return prices.PRICE",
        "shop/prices.py": "PRICE = 42",
    }
    for handler in ("shop.orders.take", "shop/orders.take"):
        assert make_function(files=files, Handler=handler).call() == 42


def test_files_of_the_package_are_at_hand(make_function: MakeFunction) -> None:
    files = {
        "app.py": "def handler(e, c): return open('data/words.txt').read()",
        "data/words.txt": "some words",
    }
    assert make_function(files=files).call() == "some words"


def test_accounts_and_regions_do_not_see_each_other(
    make_function: MakeFunction, server: LocalServer, client_for: Callable[..., Any]
) -> None:
    # Given one name in two accounts and two regions
    name = f"same-{uuid.uuid4().hex[:8]}"
    places = [("111111111111", "eu-west-1"), ("222222222222", "eu-west-1"),
              ("111111111111", "eu-west-3")]  # fmt: skip
    functions = {
        (account, region): make_function(
            source=f"def handler(e, c): return [c.invoked_function_arn, {account + region!r}]",
            access_key_id=account, region=region, FunctionName=name,
        )
        for account, region in places
    }  # fmt: skip
    # Then each answers for itself
    for (account, region), function in functions.items():
        arn = f"arn:aws:lambda:{region}:{account}:function:{name}"
        assert function.call() == [arn, account + region]
        listed = function.client.list_functions()["Functions"]
        assert [f["FunctionArn"] for f in listed] == [arn]


def test_a_function_that_is_not_there_is_not_found(lambda_client: Any) -> None:
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:nobody"
    with pytest.raises(lambda_client.exceptions.ResourceNotFoundException) as caught:
        lambda_client.invoke(FunctionName="nobody")
    assert caught.value.response["Error"]["Message"] == f"Function not found: {arn}"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
