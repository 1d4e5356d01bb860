"""The environment variables that AWS documents, and whose word counts."""

from __future__ import annotations

import pytest
from stage import make_version

from lambdad.environment.variables import Credentials, environment_variables, make_credentials

CREDENTIALS = Credentials("ASIA1", "secret", "token")
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
DOCUMENTED = {
    "_HANDLER", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR", "LANG", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "TZ",
    "AWS_XRAY_CONTEXT_MISSING",
}  # fmt: skip
REPLACEABLE = {
    "LANG", "TZ", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "AWS_XRAY_CONTEXT_MISSING",
}  # fmt: skip


def variables(**changes: object) -> dict[str, str]:
    return environment_variables(make_version(**changes), CREDENTIALS, "stream")


def test_the_documented_set_is_there_and_nothing_else() -> None:
    # The addresses of what listens are added inside.
    assert set(variables()) == DOCUMENTED


def test_they_say_what_is_so() -> None:
    found = variables(memory_mb=256, version="7", region="eu-west-1")
    assert found["_HANDLER"] == "app.handler"
    assert found["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == "f"
    assert found["AWS_LAMBDA_FUNCTION_VERSION"] == "7"
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert found["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/f"
    assert found["AWS_LAMBDA_LOG_STREAM_NAME"] == "stream"
    assert found["AWS_ACCESS_KEY_ID"] == "ASIA1"
    assert found["TZ"] == ":UTC"


def test_a_runtime_that_the_function_brings_has_less() -> None:
    found = variables(runtime="provided.al2023")
    assert DOCUMENTED - set(found) == {"AWS_EXECUTION_ENV", "PYTHONPATH"}


def test_node_looks_where_layers_and_runtime_have_modules() -> None:
    found = variables(runtime="nodejs22.x")
    assert found["NODE_PATH"].split(":") == [
        "/opt/nodejs/node22/node_modules",
        "/opt/nodejs/node_modules",
        "/var/runtime/node_modules",
    ]
    assert "PYTHONPATH" not in found
    assert found["AWS_EXECUTION_ENV"] == "AWS_Lambda_nodejs22.x"


def test_they_say_why_the_environment_was_made() -> None:
    name = "AWS_LAMBDA_INITIALIZATION_TYPE"
    assert variables()[name] == "on-demand"
    ahead = environment_variables(make_version(), CREDENTIALS, "stream", "provisioned-concurrency")
    assert ahead[name] == "provisioned-concurrency"


def test_the_functions_own_variables_are_added() -> None:
    found = variables(variables={"STAGE": "test", "EMPTY": "", "ÜMLAUT": "ß"})
    assert (found["STAGE"], found["EMPTY"], found["ÜMLAUT"]) == ("test", "", "ß")


@pytest.mark.parametrize("name", sorted(REPLACEABLE))
def test_some_may_be_replaced(name: str) -> None:
    assert variables(variables={name: "own"})[name] == "own"


@pytest.mark.parametrize("name", sorted(DOCUMENTED - REPLACEABLE))
def test_the_others_may_not(name: str) -> None:
    """The API refuses them; should one be here all the same, it does not count."""
    assert variables(variables={name: "own"})[name] == variables()[name]


def test_names_with_an_underscore_in_front_are_dropped() -> None:
    found = variables(variables={"_OWN": "1", "__": "2"})
    assert not {"_OWN", "__"} & set(found)
    assert found["_HANDLER"] == "app.handler"


def test_the_log_format_is_told_when_it_is_json() -> None:
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    found = variables(settings={"LoggingConfig": logging})
    assert found["AWS_LAMBDA_LOG_FORMAT"] == "JSON"
    assert found["AWS_LAMBDA_LOG_LEVEL"] == "WARN"
    assert "AWS_LAMBDA_LOG_LEVEL" not in variables(
        settings={"LoggingConfig": {"LogFormat": "Text"}}
    )


def test_credentials_are_nobody_elses_and_are_not_shown() -> None:
    first, second = make_credentials("123456789012"), make_credentials("123456789012")
    assert first.access_key_id != second.access_key_id
    assert first.access_key_id.startswith("ASIA")
    assert len(first.access_key_id) == 20
    assert first.secret_access_key not in repr(first)
    assert first.session_token not in repr(first)
