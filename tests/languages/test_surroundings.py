"""What a process finds around it is what AWS puts there."""

from __future__ import annotations

import re

import pytest
from language import Language

from support.functions import DeployedFunction

pytestmark = [pytest.mark.slow, pytest.mark.root]
ALLOWED = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_XRAY_CONTEXT_MISSING"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_RUNTIME_API"),
    *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE"),
    *("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ENDPOINT_URL"),
    *("LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_HANDLER", "_X_AMZN_TRACE_ID"),
    *("AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT"),
    *("LANG", "TZ", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "NODE_PATH", "GEM_PATH", "RUBYLIB"),
    *("NAME", "PWD", "OLDPWD", "SHLVL", "_"),  # the function's own, and the shell's
}


def test_variables_have_awss_values(function: DeployedFunction, language: Language) -> None:
    is_managed = not language.runtime.startswith("provided")
    expected = {
        "NAME": "Zoë",
        "NOBODY_SET_THIS": None,
        "_HANDLER": language.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{language.runtime}" if is_managed else None,
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
    }
    assert function.call({"do": "environment", "names": list(expected)}) == expected


def test_there_are_no_other_variables(function: DeployedFunction) -> None:
    command = r"env | sed 's/=.*//' | tr '\n' ' '"
    assert set(function.call({"do": "child", "command": command}).split()) - ALLOWED == set()


def test_a_child_process_sees_the_functions_variables(function: DeployedFunction) -> None:
    assert function.call({"do": "child"}) == "Zoë"


def test_text_is_utf_8(function: DeployedFunction) -> None:
    found = function.call({"do": "text", "text": "Zoë€𝄞"})
    assert found["length"] == 5
    assert {name.lower().replace("-", "") for name in found["encoding"].split("/")} == {"utf8"}


def test_the_time_is_utc(function: DeployedFunction) -> None:
    found = function.call({"do": "clock"})
    assert found["hour_offset"] == 0
    assert re.search("UTC|Universal", found["zone"])


def test_a_function_may_have_another_time_zone(travelled_function: DeployedFunction) -> None:
    assert travelled_function.call({"do": "clock"})["hour_offset"] == 330


def test_a_layer_is_found(travelled_function: DeployedFunction, language: Language) -> None:
    language.needs("layers")
    assert travelled_function.call({"do": "layer"}) == "found"


def test_certificate_authorities_are_known(function: DeployedFunction) -> None:
    assert function.call({"do": "tls"}) > 50


def test_localhost_is_this_machine(function: DeployedFunction) -> None:
    assert function.call({"do": "resolve", "host": "localhost"}) == "127.0.0.1"


def test_a_name_that_is_unknown_is_told_soon(function: DeployedFunction) -> None:
    answer = function.invoke({"do": "resolve", "host": "nowhere.example"})
    assert answer.value["error"], str(answer)
    assert float(answer.report["Duration"].split()[0]) < 2_000


def test_files_are_written_in_tmp_and_not_in_the_task_root(function: DeployedFunction) -> None:
    found = function.call({"do": "files"})
    assert found["tmp"] is True
    assert found["task"] not in (None, "none")
