"""A function is the same where an ordinary user runs the server, and where nothing isolates it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from language import Language

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction

pytestmark = [pytest.mark.slow, pytest.mark.root]


@pytest.fixture(scope="session", params=["process", "rootless"])
def other_server(request: pytest.FixtureRequest) -> LocalServer:
    """A server with another kind of sandbox."""
    server: LocalServer = request.getfixturevalue(f"{request.param}_server")
    return server


@pytest.fixture(scope="session")
def function_elsewhere(
    language: Language,
    other_server: LocalServer,
    deploy_in: Callable[..., DeployedFunction],
    function: DeployedFunction,
) -> DeployedFunction:
    """The function on that server; the shared one, which has `function`, has made its runtime."""
    return deploy_in(language, other_server, Environment={"Variables": {"NAME": "Zoë"}})


def test_values_come_back(function_elsewhere: DeployedFunction) -> None:
    value = {"a": [1, "ü€𝄞", None]}
    assert function_elsewhere.call({"do": "echo", "value": value}) == value


def test_the_context_is_told(function_elsewhere: DeployedFunction) -> None:
    answer = function_elsewhere.invoke({"do": "context"})
    assert answer.value["request_id"] == answer.request_id
    assert answer.value["arn"] == function_elsewhere.arn


def test_an_error_is_told(function_elsewhere: DeployedFunction, language: Language) -> None:
    failed = function_elsewhere.invoke({"do": "fail", "message": "no luck"}).value
    assert (failed["errorType"], failed["errorMessage"]) == (language.usual, "no luck")


def test_variables_are_there(function_elsewhere: DeployedFunction) -> None:
    names = ["NAME", "AWS_LAMBDA_FUNCTION_NAME"]
    found = function_elsewhere.call({"do": "environment", "names": names})
    assert found == {"NAME": "Zoë", "AWS_LAMBDA_FUNCTION_NAME": function_elsewhere.name}


def test_printed_lines_are_in_the_log(function_elsewhere: DeployedFunction) -> None:
    lines = function_elsewhere.invoke({"do": "print", "lines": ["one", "two"]}).lines
    assert [line[-3:] for line in lines if line.endswith(("one", "two"))] == ["one", "two"]
