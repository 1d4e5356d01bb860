"""As a developer I bring AWS's own runtime client, for Node.js or Java, and it runs here unchanged.

Python's is in tests/integration/test_official_client.py; functions in Go and Rust bring theirs in
every test of the languages. `make setup` gets them where it reaches npm and Maven Central.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from official_clients import OFFICIAL_CLIENTS_OF_LANGUAGES, OfficialClient

from lambdad.testing.server import LocalServer
from support.functions import DeployedFunction

pytestmark = [pytest.mark.slow, pytest.mark.root]

LARGEST = 6_291_456
VALUES = (
    None, True, 0, -7, 2**53, 0.5, "", "ü€𝄞", 'quo"te\\\n\t/\u2028', [], {},
    [[], [None, [1, "a"]]], {"a": {"b": [True, {"ë": [None]}]}, "": "x"},
)  # fmt: skip


@pytest.fixture(
    scope="module", params=OFFICIAL_CLIENTS_OF_LANGUAGES, ids=lambda client: client.language.id
)
def client(request: pytest.FixtureRequest) -> OfficialClient:
    """The client under test; in CI all of them have to be there."""
    client: OfficialClient = request.param
    if reason := client.find():
        pytest.fail(f"{reason}, and CI must have it") if os.environ.get("CI") else None
        pytest.skip(reason)
    return client


@pytest.fixture(scope="module")
def function(
    client: OfficialClient,
    deploy: Callable[..., DeployedFunction],
    namespaces_server: LocalServer,
) -> DeployedFunction:
    """A function that it runs, and that logs JSON from WARN on."""
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN"}
    return deploy(namespaces_server, **client.settings(LoggingConfig=logging))


def test_events_come_back_whatever_is_in_them(function: DeployedFunction) -> None:
    for value in VALUES:
        for is_escaped in (True, False):
            event = json.dumps({"do": "echo", "value": value}, ensure_ascii=is_escaped)
            answer = function.invoke(payload=event.encode())
            assert answer.error is None, str(answer)
            assert answer.value == value


def test_the_context_is_the_invocations(function: DeployedFunction) -> None:
    answer = function.invoke({"do": "context"})
    told = answer.value
    assert 0 < told.pop("remaining_ms") <= 10_000
    assert str(told.pop("memory")) == "512"
    assert "[$LATEST]" in told.pop("log_stream")
    assert told == {
        "request_id": answer.request_id,
        "function_name": function.name,
        "version": "$LATEST",
        "arn": function.arn,
        "log_group": function.log_group,
    }


def test_one_process_serves_one_event_after_the_other(
    client: OfficialClient, make_function: Callable[..., DeployedFunction]
) -> None:
    function = make_function(**client.settings())
    answers = [function.invoke({"do": "count"}) for _ in range(5)]
    assert [answer.value for answer in answers] == [1, 2, 3, 4, 5]
    assert [answer.is_cold for answer in answers] == [True] + 4 * [False]
    # And what it logs tells its level
    logged = function.invoke({"do": "log", "level": client.language.warning, "message": "careful"})
    (line,) = [line for line in logged.lines if "careful" in line]
    assert "WARN" in line.upper()


def test_what_it_logs_in_json_tells_level_and_invocation(
    client: OfficialClient, function: DeployedFunction
) -> None:
    event = {"do": "log", "message": "careful"}
    function.invoke({**event, "level": client.language.information, "message": "nothing much"})
    answer = function.invoke({**event, "level": client.language.warning})
    (line,) = [json.loads(line) for line in answer.lines if "careful" in line]
    assert line["message"] == "careful"
    assert line["level"].upper().startswith("WARN")
    assert answer.request_id in line.values()
    assert not [message for message in function.log_messages() if "nothing much" in message]


def test_an_error_is_told_and_leaves_it_warm(
    client: OfficialClient, function: DeployedFunction
) -> None:
    before = function.call({"do": "count"})
    for what, error_type in (("fail", client.language.usual), ("custom", client.language.own)):
        answer = function.invoke({"do": what, "message": "no luck for Zoë"})
        assert answer.error == "Unhandled", str(answer)
        assert answer.value["errorType"] == error_type
        assert answer.value["errorMessage"] == "no luck for Zoë"
        trace = answer.value["trace" if "trace" in answer.value else "stackTrace"]
        assert trace
        assert answer.report["Status"] == "error"
    assert function.call({"do": "count"}) == before + 3


def test_the_largest_event_and_the_largest_answer_fit(function: DeployedFunction) -> None:
    room = LARGEST - len(json.dumps({"do": "size", "text": ""}))
    assert function.call({"do": "size", "text": "x" * room}) == room
    answer = function.invoke({"do": "big", "size": LARGEST - 2})
    assert answer.error is None, str(answer)
    assert len(answer.payload) == LARGEST


def test_an_answer_that_is_too_large_is_the_documented_error(function: DeployedFunction) -> None:
    answer = function.invoke({"do": "big", "size": LARGEST + 200})
    assert answer.value["errorType"] == "Function.ResponseSizeTooLarge", str(answer)
    assert function.call({"do": "big", "size": 3}) == "xxx"


def test_one_that_exits_is_followed_by_another(function: DeployedFunction) -> None:
    answer = function.invoke({"do": "exit", "status": 7})
    assert answer.value["errorType"] == "Runtime.ExitError", str(answer)
    assert answer.value["errorMessage"].endswith("Runtime exited with error: exit status 7")
    assert function.call({"do": "count"}) == 1


def test_a_handler_that_is_not_there_is_told(
    client: OfficialClient, make_function: Callable[..., DeployedFunction]
) -> None:
    handler, error_type = client.absent
    answer = make_function(**client.settings(Handler=handler)).invoke()
    assert answer.error == "Unhandled", str(answer)
    assert answer.value["errorType"] == error_type
